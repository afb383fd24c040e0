import { useTranslation } from 'react-i18next';

const NAMES = [
  'linux-audit',
  'linux-files',
  'linux-processes',
  'portable-processes',
  'portable-files',
  'scanner',
] as const;
const REASONS = [
  'needs_root',
  'architecture_unknown',
  'audit_daemon_replaced',
  'audit_failed',
  'audit_locked',
  'audit_never_rule',
  'audit_panics_on_loss',
  'audit_rule_refused',
  'audit_tampered',
  'audit_unavailable',
  'fanotify_unavailable',
  'connector_unavailable',
  'mounts_unmarked',
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
