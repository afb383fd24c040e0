import { ConsoleFrame } from '@yagura/protocol';
import type { RawData } from 'ws';

/** The console's frame, strictly checked; undefined when it is none (SPEC VN3). */
export function parseConsoleFrame(data: RawData): ConsoleFrame | undefined {
  try {
    const result = ConsoleFrame.safeParse(JSON.parse(textOf(data)));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** `ws` hands text over as one Buffer unless told otherwise. */
function textOf(data: RawData): string {
  return data instanceof Buffer ? data.toString() : '';
}

/** Stable code of a connection that failed before or below the WebSocket. */
export function connectionFailure(error: Error & { code?: string }): string {
  const { code } = error;
  if (code === undefined) return 'gateway_unreachable';
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') return 'clock_wrong';
  if (code.endsWith('CERTIFICATE_EXPIRED')) return 'certificate_expired';
  if (/^(ERR_TLS_CERT|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(code)) return 'gateway_untrusted';
  return code === 'proxy_failed' ? code : 'gateway_unreachable';
}
