import { Role } from '../api/session.ts';
import type { Actor } from '../contexts/identity/api.ts';
import type { Domain } from '../server/bootstrap.ts';
import { createSignerAdminClient, type SignerAdminClient } from '../signer/client.ts';
import { chooseTenant, type CliContext, CliError, readOptions, signerError } from './context.ts';
import { openOperatorDomain } from './operator-domain.ts';

/** `admin create` and `admin link`: both end with a one-time sign-in link on the last line. */
export async function adminCommand(context: CliContext, [verb, ...args]: readonly string[]): Promise<number> {
  if (verb !== 'create' && verb !== 'link') throw new CliError('usage', 'expected admin create or admin link');
  const options = readOptions(args, {
    name: { type: 'string' },
    tenant: { type: 'string' },
    role: { type: 'string' },
    create: { type: 'boolean' },
  });
  const name = options.name?.trim() ?? '';
  if (name === '' || name.length > 256) throw new CliError('usage', '--name NAME is needed (1 to 256 characters)');
  const role = Role.safeParse(options.role ?? 'admin');
  if (!role.success) throw new CliError('usage', '--role is admin or viewer');

  using signer = createSignerAdminClient({ socket: context.config.signer.adminSocket });
  // Asked first: a user without a link would be half of what was wanted, and only root may open the socket.
  const info = await signer.call('info', {});
  if (!info.ok) throw signerError(info, context);
  await using domain = await openOperatorDomain(context, { create: verb === 'create' });
  const tenant = await chooseTenant(domain, options.tenant);
  const known = await domain.identity.findUser(tenant.tenantId, name);
  if (verb === 'create' && known)
    throw new CliError('user_exists', `${name} exists already: use admin link --name ${name}`);
  if (verb === 'link' && !known && options.create !== true) {
    throw new CliError('user_unknown', `there is no user ${name}: use admin create --name ${name}`);
  }
  const user =
    known ??
    (await domain.store.write((tx) =>
      domain.identity.ensureUser(tx, { tenantId: tenant.tenantId, name, role: role.data }),
    ));
  context.print(await createLink(domain, signer, user, context));
  return 0;
}

/**
 * The link's fragment carries the sign-in secret and, behind a dot, the code by which the browser proves to
 * the signer that it may approve orders. Browsers send no fragment, so that the web process sees the secret
 * alone and can make nobody an approver.
 */
async function createLink(
  domain: Domain,
  signer: SignerAdminClient,
  user: Actor,
  context: CliContext,
): Promise<string> {
  const code = await signer.call('create-approver-code', {
    tenantId: user.tenantId,
    userId: user.userId,
    role: user.role,
  });
  if (!code.ok) throw signerError(code, context);
  const { secret } = await domain.store.write((tx) => domain.identity.createLink(tx, user, 'operator'));
  return `${context.config.publicUrl}/sign-in#${secret}.${code.value.code}`;
}
