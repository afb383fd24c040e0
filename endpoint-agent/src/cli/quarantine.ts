import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ActionOutcome, QuarantineItem } from '@yagura/protocol';
import { encodePath } from '../native/path-bytes.ts';
import { systemClock } from '../platform/clock.ts';
import { systemCode } from '../platform/durable-file.ts';
import { randomHex, systemRandom } from '../platform/random.ts';
import { createLinuxResponder } from '../responses/linux/create-linux-responder.ts';
import type { Responder } from '../responses/responder.ts';
import { storeFailure } from '../store/sqlite.ts';
import { oneLine } from './one-line.ts';
import { complain, DEFAULT_STATE_DIR, parseCommand } from './options.ts';

const USAGE = `quarantine list [--json] [--state-dir DIR]
       yagura-agent quarantine restore ID [--to DIR] [--json] [--state-dir DIR]
       yagura-agent quarantine delete ID [--json] [--state-dir DIR]`;
/** Below the state folder, as the service names it. */
const RESPONSES = 'responses';
/** The kernel's word for "nobody logged in for this". */
const NO_LOGIN_UID = 4_294_967_295;

/**
 * `quarantine list|restore|delete`: local root at the vault itself, beside a running service or without one. What
 * it does is journalled under origin `local` with the login's user id, and reported by the service. Exit 0 done,
 * 1 not done, 2 wrong call.
 */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand(USAGE, {
    args: [...argv],
    options: {
      json: { type: 'boolean', default: false },
      to: { type: 'string' },
      'state-dir': { type: 'string', default: DEFAULT_STATE_DIR },
    },
    allowPositionals: true,
  });
  if (!parsed.ok) return 2;
  const { values, positionals } = parsed.value;
  const [command, quarantineId, ...rest] = positionals;
  const act = command === undefined ? undefined : actionFor(command, quarantineId, values.to);
  if (act === undefined || rest.length > 0) {
    complain(
      'usage',
      command === undefined ? 'no subcommand' : `this is no quarantine command: ${positionals.join(' ')}`,
    );
    process.stderr.write(`usage: yagura-agent ${USAGE}\n`);
    return 2;
  }
  const stateDir = join(values['state-dir'], RESPONSES);
  if (!existsSync(stateDir)) {
    complain(
      'state_missing',
      `${stateDir} does not exist or may not be entered. Name the agent's folder with --state-dir.`,
    );
    return 1;
  }
  try {
    await using responder = await openResponder(stateDir);
    return await act(responder, values.json);
  } catch (error) {
    const failure = storeFailure(error) ?? systemCode(error);
    if (failure === undefined) throw error;
    const forbidden = failure === 'EACCES' || failure === 'EPERM' || process.geteuid?.() !== 0;
    complain(forbidden ? 'not_permitted' : failure, forbidden ? 'run this as root.' : `${stateDir} cannot be used.`);
    return 1;
  }
}

type Act = (responder: Responder, json: boolean) => Promise<number>;

function actionFor(command: string, quarantineId: string | undefined, to: string | undefined): Act | undefined {
  if (command === 'list' && quarantineId === undefined && to === undefined) return list;
  if (quarantineId === undefined) return undefined;
  const context = () => ({ actionId: `local-${randomHex(systemRandom, 12)}`, origin: 'local' as const });
  if (command === 'restore') {
    const directory = to === undefined ? undefined : encodePath(Buffer.from(resolve(to)));
    return async (responder, json) =>
      report(quarantineId, await responder.restoreFile(quarantineId, context(), directory), json);
  }
  if (command === 'delete' && to === undefined) {
    return async (responder, json) =>
      report(quarantineId, await responder.deleteQuarantined(quarantineId, context()), json);
  }
  return undefined;
}

async function list(responder: Responder, json: boolean): Promise<number> {
  const items = await responder.listQuarantine();
  const lines = json ? [JSON.stringify({ items })] : items.map(lineOf);
  if (lines.length === 0) lines.push('nothing is in quarantine');
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

function lineOf({ quarantineId, state, quarantinedAt, size, path }: QuarantineItem): string {
  const time = new Date(quarantinedAt).toISOString();
  return `${quarantineId}  ${state.padEnd(8)}  ${time}  ${String(size).padStart(10)}  ${path}`;
}

function report(quarantineId: string, outcome: ActionOutcome, json: boolean): number {
  if (json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  const { ok, code, target } = outcome;
  const subject = oneLine(target.path ?? quarantineId);
  if (ok && !json) process.stdout.write(`${code}: ${outcome.kind} ${subject}\n`);
  // The detail says who asked and is for the record.
  if (!ok && !json) complain(code, `${subject}: ${REASONS[code] ?? 'nothing was changed.'}`);
  return ok ? 0 : 1;
}

/** Why the vault did not do it, and what to do. */
const REASONS: Partial<Record<ActionOutcome['code'], string>> = {
  not_found: 'the vault holds no file under this id; "quarantine list" says what it holds.',
  target_exists: 'there is another file in its place; --to DIR puts it elsewhere.',
  path_unsafe: 'its folder is not safe to write to; --to DIR puts it elsewhere.',
  path_changed: 'its folder changed meanwhile; try again, or put it elsewhere with --to DIR.',
  no_space: 'the disk is full.',
  not_permitted: 'the system does not permit it.',
  io_error: 'the file cannot be read or written; "doctor" says how the disk is.',
};

async function openResponder(stateDir: string): Promise<Responder> {
  const toStderr = (facts: object, message: string): void => {
    process.stderr.write(`yagura-agent: ${message} ${JSON.stringify(facts)}\n`);
  };
  return createLinuxResponder({
    stateDir,
    clock: systemClock,
    selfPid: process.pid,
    log: { debug: () => undefined, info: () => undefined, warn: toStderr },
    bootId: readKernelText('/proc/sys/kernel/random/boot_id') ?? 'unknown',
    actor: actor(),
  });
}

/** Who logged in for this, through any sudo and su. */
function actor(): string {
  const loginUid = Number(readKernelText('/proc/self/loginuid') ?? NO_LOGIN_UID);
  const login = loginUid === NO_LOGIN_UID ? 'no login' : `login uid ${loginUid}`;
  return `by uid ${process.geteuid?.() ?? 'unknown'}, ${login}`;
}

function readKernelText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
