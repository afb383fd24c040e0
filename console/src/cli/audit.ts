import type { AuditHead } from '../contexts/audit/api.ts';
import { type CliContext, CliError, readOptions } from './context.ts';
import { openOperatorDomain } from './operator-domain.ts';

const TAMPERED = 4;

/**
 * `audit verify`: prints one JSON object with the heads of all chains. Heads that were noted elsewhere and
 * given back as anchors also prove that nothing was cut off the end.
 */
export async function auditVerify(context: CliContext, [verb, ...args]: readonly string[]): Promise<number> {
  if (verb !== 'verify') throw new CliError('usage', 'expected audit verify');
  const options = readOptions(args, { anchor: { type: 'string', multiple: true } });
  const anchors = (options.anchor ?? []).map(readAnchor);
  await using domain = await openOperatorDomain(context);
  const verification = await domain.audit.verify(anchors);
  context.print(JSON.stringify({ ok: verification.findings.length === 0, ...verification }));
  return verification.findings.length === 0 ? 0 : TAMPERED;
}

function readAnchor(text: string): AuditHead {
  const match = /^([A-Za-z0-9._-]{1,64}):(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (!match?.[1] || !match[2] || !match[3])
    throw new CliError('usage', `--anchor ${text}: expected TENANT:SEQUENCE:HASH`);
  return { tenantId: match[1], sequence: Number(match[2]), hash: match[3] };
}
