import { createSignerAdminClient } from '../signer/client.ts';
import { type CliContext, CliError, readOptions, signerError } from './context.ts';

/**
 * `approver list`, `approver revoke --key ID`: which browsers may approve orders, as the signer knows it. It
 * speaks to the signer's operator socket and needs no console.
 */
export async function approverCommand(context: CliContext, [verb, ...args]: readonly string[]): Promise<number> {
  using signer = createSignerAdminClient({ socket: context.config.signer.adminSocket });
  switch (verb) {
    case 'list': {
      const { tenant } = readOptions(args, { tenant: { type: 'string' } });
      const answer = await signer.call('list-approvers', tenant === undefined ? {} : { tenantId: tenant });
      if (!answer.ok) throw signerError(answer, context);
      for (const approver of answer.value.approvers) context.print(JSON.stringify(approver));
      return 0;
    }
    case 'revoke': {
      const { key } = readOptions(args, { key: { type: 'string' } });
      if (key === undefined) throw new CliError('usage', 'approver revoke needs --key ID: see approver list');
      const answer = await signer.call('revoke-approver', { approverKeyId: key });
      if (!answer.ok) throw signerError(answer, context);
      context.print(JSON.stringify(answer.value));
      return 0;
    }
    default:
      throw new CliError('usage', 'expected approver list or approver revoke');
  }
}
