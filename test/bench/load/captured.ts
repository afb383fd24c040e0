import { join } from 'node:path';
import type { Event } from '@yagura/protocol';
import { HISTORY_FILE } from '../../../endpoint-agent/src/state/history/history.ts';
import { openHistoryReader } from '../../../endpoint-agent/src/state/history/history-reader.ts';
import type { Window } from './load.ts';
import { addressOf } from './network.ts';

/** More than a window makes of one category. */
const LIMIT = 200_000;
/** Events have their time from the kernel's clock and the window from ours. */
const SLACK_MS = 2_000;

export interface Ports {
  readonly tcp: number;
  readonly udp: number;
}

/** Which of a window's events stand in the agent's history: how many of each kind, each counted once. */
export function countCaptured(
  agentDir: string,
  window: Window,
  span: { readonly from: number; readonly to: number },
  ports: Ports,
): Record<string, number> {
  using history = openHistoryReader(join(agentDir, HISTORY_FILE));
  const seen = (category: string, keyOf: (event: Event) => string | undefined): number => {
    const events = history.search({
      category,
      since: span.from - SLACK_MS,
      until: span.to + SLACK_MS,
      limit: LIMIT,
    });
    return new Set(events.map(keyOf).filter((key) => key !== undefined)).size;
  };
  const marked =
    (field: string) =>
    ({ fields }: Event): string | undefined => {
      const value = fields[field];
      return typeof value === 'string' && value.includes(`${window.mark}-`) ? value : undefined;
    };
  /** The files of the file load: a mounted folder's have the same mark. */
  const file = (event: Event): string | undefined => {
    const path = marked('TargetFilename')(event);
    return path?.includes('/files/') ? path : undefined;
  };
  const address = addressOf(window, 0).split('.').slice(0, 2).join('.');
  const destination =
    (port: number) =>
    ({ fields }: Event): string | undefined => {
      const ip = fields['DestinationIp'];
      const isOurs = typeof ip === 'string' && ip.startsWith(`${address}.`) && fields['Initiated'] === 'true';
      return isOurs && fields['DestinationPort'] === port ? ip : undefined;
    };
  return {
    processes: seen('process_creation', (event) =>
      marked('CommandLine')(event)?.startsWith('/bin/true ') ? marked('CommandLine')(event) : undefined,
    ),
    filesWritten: seen('file_event', (event) => (file(event)?.endsWith('.renamed') ? undefined : file(event))),
    filesRenamed: seen('file_rename', file),
    filesDeleted: seen('file_delete', file),
    connections: seen('network_connection', destination(ports.tcp)),
    datagrams: seen('network_connection', destination(ports.udp)),
    queries: seen('dns_query', marked('QueryName')),
    logLines: seen('webserver', marked('cs-uri-stem')),
  };
}
