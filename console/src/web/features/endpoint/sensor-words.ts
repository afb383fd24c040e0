import { useTranslation } from 'react-i18next';

const NAMES = [
  'linux-audit',
  'linux-files',
  'linux-logs',
  'linux-persistence',
  'linux-processes',
  'portable-processes',
  'portable-files',
  'scanner',
] as const;
const REASONS = [
  'needs_root',
  'architecture_unknown',
  'audit_daemon_attempt',
  'audit_daemon_replaced',
  'audit_disabled',
  'audit_failed',
  'audit_locked',
  'audit_never_rule',
  'audit_panics_on_loss',
  'audit_records_excluded',
  'audit_rule_refused',
  'audit_rules_overruled',
  'audit_rules_removed',
  'audit_settings_weakened',
  'audit_tampered',
  'audit_tasks_hidden',
  'audit_unavailable',
  'canary_missing',
  'connector_unavailable',
  'fanotify_unavailable',
  'file_marks_removed',
  'journal_unreadable',
  'log_unreadable',
  'mounts_unmarked',
  'no_authentication_log',
  'persistence_partial',
  'sensor_silent',
  'sensor_crashed',
  'sensor_gave_up',
] as const;

/** What a sensor watches, in words; a name that this console does not know is described in general. */
export function useSensorName(): (name: string) => string {
  const { t } = useTranslation();
  return (name) => {
    const known = NAMES.find((each) => each === name);
    return t(known === undefined ? 'sensorName.other' : `sensorName.${known}`);
  };
}

/** Why a sensor does not see everything. */
export function useSensorReason(): (code: string) => string {
  const { t } = useTranslation();
  return (code) => {
    const known = REASONS.find((each) => each === code);
    return t(known === undefined ? 'sensorReason.other' : `sensorReason.${known}`);
  };
}
