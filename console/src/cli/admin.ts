import { Role } from '../api/session.ts';
import type { Actor } from '../contexts/identity/api.ts';
import type { Domain } from '../server/bootstrap.ts';
import { createSignerAdminClient, type SignerAdminClient } from '../signer/client.ts';
import { type CliContext, CliError, chooseTenant, readOptions, signerError } from './context.ts';
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
  const name = options.name?.trim();
  const isNew = verb === 'create' || options.create === true;
  if (name === undefined ? isNew : name === '' || name.length > 256) {
    throw new CliError('usage', '--name NAME is needed (1 to 256 characters)');
  }
  const role = Role.safeParse(options.role ?? 'admin');
  if (!role.success) throw new CliError('usage', '--role is admin or viewer');

  using signer = createSignerAdminClient({ socket: context.config.signer.adminSocket });
  // Asked first: a user without a link would be half of what was wanted, and only root may open the socket.
  const info = await signer.call('info', {});
  if (!info.ok) throw signerError(info, context);
  await using domain = await openOperatorDomain(context, { create: verb === 'create' });
  const user =
    name !== undefined && isNew
      ? await makeUser(domain, { name, tenant: options.tenant, role: role.data, mayExist: verb === 'link' })
      : await findUser(domain, { name, tenant: options.tenant });
  context.print(await createLink(domain, signer, user, context));
  return 0;
}

interface WantedUser {
  readonly name: string;
  readonly tenant: string | undefined;
  readonly role: Role;
  readonly mayExist: boolean;
}

async function makeUser(domain: Domain, { name, tenant, role, mayExist }: WantedUser): Promise<Actor> {
  const { tenantId } = await chooseTenant(domain, tenant);
  const known = await domain.identity.findUser(tenantId, name);
  if (known && !mayExist) throw new CliError('user_exists', `${name} exists already: use admin link --name ${name}`);
  return known ?? domain.store.write((tx) => domain.identity.ensureUser(tx, { tenantId, name, role }));
}

/** More are not named in a message. */
const NAMED_USERS = 10;

/** The one person who can be meant: by name and tenant as far as they are given, else the only administrator. */
async function findUser(
  domain: Domain,
  { name, tenant }: { readonly name: string | undefined; readonly tenant: string | undefined },
): Promise<Actor> {
  const tenants = (await domain.tenants.list()).filter((each) => tenant === undefined || each.name === tenant.trim());
  const people = (await Promise.all(tenants.map((each) => domain.identity.users(each.tenantId)))).flat();
  const meant = people.filter((each) => (name === undefined ? each.role === 'admin' : each.name === name));
  const [user] = meant;
  if (user === undefined) {
    const who = name === undefined ? 'administrator' : `user ${name}`;
    throw new CliError('user_unknown', `there is no ${who}: use admin create --name ${name ?? 'NAME'}`);
  }
  if (meant.length === 1) return user;
  if (name !== undefined && tenant === undefined) {
    throw new CliError('tenant_ambiguous', `${meant.length} tenants have a user ${name}: name one with --tenant`);
  }
  const names = meant.slice(0, NAMED_USERS).map((each) => each.name);
  const more = meant.length > NAMED_USERS ? ', ...' : '';
  throw new CliError('user_ambiguous', `name one of ${meant.length} with --name: ${names.join(', ')}${more}`);
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
