import { CreateEnrolmentToken } from '../api/fleet.ts';
import { type CliContext, CliError, chooseTenant, readOptions } from './context.ts';
import { openOperatorDomain } from './operator-domain.ts';

/** `token create`: prints the token on the last line. */
export async function tokenCommand(context: CliContext, [verb, ...args]: readonly string[]): Promise<number> {
  if (verb !== 'create') throw new CliError('usage', 'expected token create');
  const options = readOptions(args, {
    label: { type: 'string' },
    hours: { type: 'string' },
    tenant: { type: 'string' },
  });
  const request = CreateEnrolmentToken.safeParse({
    label: options.label ?? '',
    validHours: Number(options.hours ?? '24'),
  });
  if (!request.success) throw new CliError('usage', '--hours is 1 to 720, --label has at most 64 characters');

  await using domain = await openOperatorDomain(context);
  const tenant = await chooseTenant(domain, options.tenant);
  const created = await domain.fleet.createToken({ tenantId: tenant.tenantId, name: 'operator' }, request.data);
  if (!created.ok) throw new CliError(created.code, created.message);
  context.print(created.value.token);
  return 0;
}
