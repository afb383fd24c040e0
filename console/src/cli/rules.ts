import { type FileHandle, open } from 'node:fs/promises';
import { type CliContext, CliError, chooseTenant, readOptions } from './context.ts';
import { openOperatorDomain } from './operator-domain.ts';

/**
 * `rules add`: stores a pack that `yagura-agent rules compile` or `rules import` made; `rules list`, `rules
 * remove`. None sends anything to an endpoint: that is an order, which a person approves in the browser. Prints
 * JSON lines.
 */
export async function rulesCommand(context: CliContext, [verb, ...args]: readonly string[]): Promise<number> {
  const options = readOptions(args, {
    file: { type: 'string' },
    sha256: { type: 'string' },
    tenant: { type: 'string' },
  });
  switch (verb) {
    case 'add': {
      const { file } = options;
      if (file === undefined) throw new CliError('usage', 'rules add needs --file PACK');
      // Before root steps down to the console's user, who may not read the operator's files.
      await using pack = await openPack(file);
      await using domain = await openOperatorDomain(context);
      const { tenantId } = await chooseTenant(domain, options.tenant);
      const added = await domain.rulePacks.add(
        { tenantId, name: 'operator' },
        pack.createReadStream({ autoClose: false }),
      );
      if (!added.ok) throw new CliError(added.code, `${file}: ${added.message}`);
      context.print(JSON.stringify(added.value));
      return 0;
    }
    case 'list': {
      await using domain = await openOperatorDomain(context);
      const { items } = await domain.rulePacks.list((await chooseTenant(domain, options.tenant)).tenantId);
      for (const item of items) context.print(JSON.stringify(item));
      return 0;
    }
    case 'remove': {
      const { sha256 } = options;
      if (sha256 === undefined) throw new CliError('usage', 'rules remove needs --sha256 HASH: see rules list');
      await using domain = await openOperatorDomain(context);
      const { tenantId } = await chooseTenant(domain, options.tenant);
      const removed = await domain.rulePacks.remove({ tenantId, name: 'operator' }, sha256);
      if (!removed.ok) throw new CliError(removed.code, removed.message);
      return 0;
    }
    default:
      throw new CliError('usage', 'expected rules add, rules list or rules remove');
  }
}

async function openPack(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new CliError('file_unreadable', `${path} cannot be read (${code})`);
  }
}
