import { ACTION_CODES, type ActionCode, ORDER_REFUSALS, type OrderRefusal } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { visibleText } from '../../components/visible-text.ts';

type OutcomeCode = ActionCode | OrderRefusal;

function isOutcomeCode(code: string): code is OutcomeCode {
  return (ACTION_CODES as readonly string[]).includes(code) || (ORDER_REFUSALS as readonly string[]).includes(code);
}

/** Words for an outcome's code; an unknown one (of a newer agent) is shown as it is. */
export function useOutcomeWords(): (code: string) => string {
  const { t } = useTranslation();
  return (code) => (isOutcomeCode(code) ? t(`outcome.${code}`) : visibleText(code));
}
