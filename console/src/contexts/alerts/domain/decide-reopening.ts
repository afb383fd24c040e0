import { type Containment, compareSeverity, type Severity } from '@yagura/protocol';

export interface IncidentStanding {
  readonly severity: Severity;
  readonly containment: Containment;
}

/**
 * Whether a closed incident opens again because its story went on: it became more severe than people knew
 * when they closed it, or something of what was stopped turned out to be left.
 */
export function decideReopening(known: IncidentStanding, revised: IncidentStanding & { safeTest: boolean }): boolean {
  if (revised.safeTest) return false;
  return (
    compareSeverity(revised.severity, known.severity) > 0 ||
    (revised.containment === 'partial' && known.containment !== 'partial')
  );
}
