import type { IncidentRow } from '../../../api/index.ts';
import type { Language } from '../../i18n/language.ts';

/** The title of the strongest rule, in the reader's language where it has one. */
export function incidentTitle(row: Pick<IncidentRow, 'title'>, language: Language): string {
  return (language === 'ja' ? row.title.ja : undefined) ?? row.title.en;
}
