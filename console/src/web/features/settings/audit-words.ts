import { ORDER_KINDS } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { visibleText } from '../../components/visible-text.ts';

/** The log's words (left) and the keys of their messages, in which a dot would open a new level. */
const KEYS = {
  'sign-in': 'signIn',
  'sign-in.link': 'link',
  'sign-out': 'signOut',
  'user.create': 'user',
  'approver.register': 'approver',
  'endpoint.enrol': 'enrol',
  'endpoint.rename': 'rename',
  'endpoint.revoke': 'revoke',
  'incident.close': 'close',
  'incident.reopen': 'reopen',
  'token.create': 'token',
  'token.withdraw': 'withdraw',
  'seat.end': 'seat',
  'rule-pack.add': 'rulePackAdd',
  'rule-pack.remove': 'rulePackRemove',
} as const;

function isKnown(action: string): action is keyof typeof KEYS {
  return Object.hasOwn(KEYS, action);
}

/** What an entry of the audit log says was done; a word that is not known here is shown as it is. */
export function useAuditWords(): (action: string) => string {
  const { t } = useTranslation();
  return (action) => {
    if (isKnown(action)) return t(`auditAction.${KEYS[action]}`);
    const kind = ORDER_KINDS.find((each) => action.endsWith(`order.${each}`));
    if (kind === undefined) return visibleText(action);
    const words = { kind: t(`orderKind.${kind}`) };
    return action.startsWith('tenant-') ? t('auditAction.tenantOrder', words) : t('auditAction.order', words);
  };
}
