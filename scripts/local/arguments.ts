import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StartError } from './messages.ts';

export interface StartArguments {
  readonly dataDir?: string;
  /** Port of the web. */
  readonly port: number;
  /** Port that agents connect to. */
  readonly gatewayPort: number;
  /** Under which other machines' agents reach the gateway; enrolment tokens carry it. */
  readonly gatewayHost: string;
  readonly agent: boolean;
  readonly help: boolean;
}

export const USAGE = {
  ja: [
    '使い方: npm start -- [--data-dir DIR] [--port N] [--gateway-port N] [--gateway-host NAME] [--no-agent]',
    '  --data-dir DIR    データを置くフォルダー(既定: クローンの中の .yagura/data)',
    '  --port N          画面のポート(既定: 8080)',
    '  --gateway-port N  エージェントが接続するポート(既定: 8443)',
    '  --gateway-host N  ほかの端末から見た、このパソコンの名前かアドレス(既定: このパソコンのアドレス)',
    '  --no-agent        このパソコンではエージェントを動かさない',
  ].join('\n'),
  en: [
    'usage: npm start -- [--data-dir DIR] [--port N] [--gateway-port N] [--gateway-host NAME] [--no-agent]',
    '  --data-dir DIR    where the data lives (default: .yagura/data in the clone)',
    '  --port N          port of the web console (default: 8080)',
    '  --gateway-port N  port that agents connect to (default: 8443)',
    '  --gateway-host N  name or address of this machine for other ones (default: its address)',
    '  --no-agent        run no agent on this machine',
  ].join('\n'),
};

/** Reads the command line of `npm start`; throws StartError `usage` with what is wrong. */
export function parseStartArguments(argv: readonly string[], callerDir: string): StartArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        'data-dir': { type: 'string' },
        port: { type: 'string', default: '8080' },
        'gateway-port': { type: 'string', default: '8443' },
        'gateway-host': { type: 'string', default: ownAddress() },
        'no-agent': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const dataDir = values['data-dir'];
    if (dataDir?.trim() === '') {
      throw new StartError('usage', {
        ja: '--data-dir にはフォルダーを指定してください。',
        en: '--data-dir takes a folder.',
      });
    }
    const port = portNumber('--port', values.port);
    const gatewayPort = portNumber('--gateway-port', values['gateway-port']);
    if (port === gatewayPort) {
      throw new StartError('usage', {
        ja: `--port と --gateway-port には別々の番号を指定してください(どちらも ${port} です)。`,
        en: `--port and --gateway-port must differ (both are ${port}).`,
      });
    }
    return {
      ...(dataDir === undefined ? {} : { dataDir: resolve(callerDir, dataDir) }),
      port,
      gatewayPort,
      gatewayHost: hostName(values['gateway-host']),
      agent: !values['no-agent'],
      help: values.help,
    };
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new StartError('usage', { ja: `${reason}\n${USAGE.ja}`, en: `${reason}\n${USAGE.en}` });
  }
}

function portNumber(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new StartError('usage', {
    ja: `${option} には 1〜65535 の数を指定してください(「${text}」は使えません)。`,
    en: `${option} takes a number from 1 to 65535, not "${text}".`,
  });
}

function hostName(text: string): string {
  const url = `https://${text.includes(':') && !text.startsWith('[') ? `[${text}]` : text}`;
  if (URL.canParse(url) && /^[A-Za-z0-9.:[\]-]{1,253}$/.test(text) && new URL(url).port === '')
    return new URL(url).hostname;
  throw new StartError('usage', {
    ja: `--gateway-host には名前かアドレスを指定してください(「${text}」は使えません)。`,
    en: `--gateway-host takes a name or an address, not "${text}".`,
  });
}

/** An address under which this machine's network knows it; without one only this machine itself can connect. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? 'localhost';
}
