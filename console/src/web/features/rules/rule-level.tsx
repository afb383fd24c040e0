import { IconAlertOctagon, IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { Severity } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { ToneBadge } from '../../components/status-badge.tsx';
import { LEVEL_TONE } from './rule-words.ts';

const ICONS = {
  informational: IconInfoCircle,
  low: IconInfoCircle,
  medium: IconInfoCircle,
  high: IconAlertTriangle,
  critical: IconAlertOctagon,
} as const;

/** A rule's level: colour, icon and word. */
export function RuleLevel({ level }: { level: Severity }) {
  const { t } = useTranslation();
  return (
    <ToneBadge tone={LEVEL_TONE[level]} icon={ICONS[level]}>
      {t(`severity.${level}`)}
    </ToneBadge>
  );
}
