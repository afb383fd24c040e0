import { readFile } from 'node:fs/promises';
import { type EnrolmentToken, parseEnrolmentToken } from '@yagura/protocol';
import { z } from 'zod';
import type { Tenant } from '../contexts/tenants/api.ts';
import { SimulationError } from '../simulation/enrolment.ts';
import { type SimulationResult, simulate } from '../simulation/simulation.ts';
import { type CliContext, CliError, readOptions } from './context.ts';
import { openOperatorDomain } from './operator-domain.ts';

function between(least: number, most: number) {
  const message = `a number from ${least} to ${most} is needed`;
  return z.coerce.number(message).min(least, message).max(most, message);
}

const Options = z.object({
  endpoints: between(1, 20_000).int('a whole number is needed'),
  'events-per-second': between(1, 1_000_000),
  seconds: between(1, 86_400),
  gateway: z
    .url({ protocol: /^https$/, error: 'an address such as https://console.example:8443 is needed' })
    .optional(),
  'token-file': z.string().optional(),
  tenant: z.string().min(1).max(256),
});
type Options = z.infer<typeof Options>;

/**
 * `simulate`: endpoints that exist only in this process, over real mutual TLS against a running console.
 * Tokens come from `--token-file` (one a line), or from the console's own database on this machine; those
 * endpoints belong to a tenant of their own and are revoked at the end. Prints one JSON object.
 */
export async function simulateCommand(context: CliContext, args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  const onProgress = (line: string): void => void process.stderr.write(`simulate: ${line}\n`);
  const run = async (tokens: readonly EnrolmentToken[]): Promise<SimulationResult> =>
    await simulate({
      tokens,
      eventsPerSecond: options['events-per-second'],
      seconds: options.seconds,
      ...(options.gateway === undefined ? {} : { gateway: new URL(options.gateway) }),
      now: () => Date.now(),
      monotonic: () => performance.now(),
      onProgress,
    });
  try {
    const file = options['token-file'];
    const result =
      file === undefined ? await withOwnTokens(context, options, run) : await run(await readTokens(file, options));
    const { identities: _, ...report } = result;
    context.print(JSON.stringify(report));
    return report.acknowledged === report.events ? 0 : 4;
  } catch (error) {
    if (error instanceof SimulationError) throw new CliError(error.code, error.message);
    throw error;
  }
}

function parseOptions(args: readonly string[]): Options {
  const values = readOptions(args, {
    endpoints: { type: 'string' },
    'events-per-second': { type: 'string' },
    seconds: { type: 'string' },
    gateway: { type: 'string' },
    'token-file': { type: 'string' },
    tenant: { type: 'string', default: 'simulation' },
  });
  const options = Options.safeParse(values);
  if (options.success) return options.data;
  const issue = options.error.issues[0];
  throw new CliError('usage', `--${issue?.path.join('.') ?? 'endpoints'}: ${issue?.message ?? 'invalid'}`);
}

async function readTokens(file: string, { endpoints }: Options): Promise<EnrolmentToken[]> {
  const lines = (await readText(file)).split('\n').filter((line) => line.trim() !== '');
  const tokens = lines.slice(0, endpoints).map((line, index) => {
    const token = parseEnrolmentToken(line);
    if (token === undefined) throw new CliError('token_malformed', `${file}:${index + 1}: not an enrolment token`);
    return token;
  });
  if (tokens.length < endpoints)
    throw new CliError('tokens_missing', `${file} holds ${tokens.length} tokens, not ${endpoints}`);
  return tokens;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CliError('input_unreadable', `${file}: ${reason}`);
  }
}

async function withOwnTokens(
  context: CliContext,
  options: Options,
  run: (tokens: readonly EnrolmentToken[]) => Promise<SimulationResult>,
): Promise<SimulationResult> {
  await using domain = await openOperatorDomain(context);
  const tenant: Tenant = await domain.store.write((tx) => domain.tenants.ensure(tx, options.tenant));
  const actor = { tenantId: tenant.tenantId, name: 'simulate' };
  const tokens: EnrolmentToken[] = [];
  for (let index = 0; index < options.endpoints; index += 1) {
    const created = await domain.fleet.createToken(actor, { label: `simulate ${index}`, validHours: 24 });
    if (!created.ok) throw new CliError(created.code, created.message);
    const token = parseEnrolmentToken(created.value.token);
    if (token !== undefined) tokens.push(token);
  }
  const result = await run(tokens);
  // They take no seat any longer than they exist.
  for (const { endpointId } of result.identities)
    await domain.store.write((tx) => domain.fleet.revokeIn(tx, actor, endpointId));
  return result;
}
