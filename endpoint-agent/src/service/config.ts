import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { z } from 'zod';

const AbsolutePath = z.string().min(1).max(4_096).refine(isAbsolute, 'must be an absolute path');

/** The agent's configuration file (JSON). Everything has a sensible default; unknown keys are refused. */
export const AgentConfig = z.strictObject({
  /** Identity, spool, vault and journal; 0700 and owned by the agent's user. */
  stateDir: AbsolutePath.default('/var/lib/yagura-agent'),
  /** Folders with rules in Sigma's format, besides the agent's own pack. */
  ruleDirs: z.array(AbsolutePath).max(64).default([]),
  /** Where the agent's own pack lies; set by whoever installs the agent. */
  packDir: AbsolutePath.optional(),
  /** Folders whose files are not reported: never a way to exclude from detection of processes. */
  ignorePaths: z.array(AbsolutePath).max(64).default([]),
  /** Until the console has set one. */
  initialPolicy: z.enum(['observe', 'balanced']).default('balanced'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** How far back events are kept on this machine, and in how much space; 0 megabytes keeps none. */
  historyDays: z.number().int().min(1).max(365).default(7),
  historyMegabytes: z.number().int().min(0).max(100_000).default(200),
  healthIntervalSeconds: z.number().int().min(5).max(3_600).default(30),
});
export type AgentConfig = Readonly<z.infer<typeof AgentConfig>>;

export type ConfigResult =
  | { ok: true; config: AgentConfig }
  | { ok: false; code: 'config_unreadable' | 'config_invalid'; message: string };

/** Reads and checks a configuration file. The message is one line that names the key. */
export function readAgentConfig(path: string): ConfigResult {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return { ok: false, code: 'config_unreadable', message: `${path}: ${reason}` };
  }
  return parseAgentConfig(text, path);
}

export function parseAgentConfig(text: string, origin: string): ConfigResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, code: 'config_invalid', message: `${origin}: not JSON` };
  }
  const result = AgentConfig.safeParse(json);
  if (result.success) return { ok: true, config: Object.freeze(result.data) };
  const issue = result.error.issues[0];
  const key = issue?.path.join('.');
  return {
    ok: false,
    code: 'config_invalid',
    message: `${origin}: ${key ? `${key}: ` : ''}${issue?.message ?? 'invalid'}`,
  };
}
