import { Button, Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { RuleTuningRow } from '../../../api/index.ts';
import { useNow } from '../../app/use-now.ts';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useChangeWords } from './rule-words.ts';

const DAY_MS = 24 * 3_600_000;

interface TuningLineProps {
  readonly row: RuleTuningRow;
  /** Left out on the rule's own page. */
  readonly showRule?: boolean;
  /** Absent for those who may only look. */
  readonly onEnd?: () => void;
}

/** One tuning: what, where, why, by whom, how long, and what it did. */
export function TuningLine({ row, showRule = false, onEnd }: TuningLineProps) {
  const { t } = useTranslation();
  const changeWords = useChangeWords();
  const now = useNow();
  const left = Math.floor((row.expiresAt - now) / DAY_MS);
  return (
    <Group justify="space-between" gap="sm" wrap="nowrap" align="flex-start">
      <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
        <Text component="div" fw={700}>
          {changeWords(row.change)}
          {showRule ? (
            <>
              {' — '}
              <Link to={`/settings/rules/${row.ruleId}`}>
                <Untrusted text={row.ruleTitle} />
              </Link>
            </>
          ) : null}
        </Text>
        <Text component="div">
          <Untrusted text={row.reason} />
        </Text>
        <Text component="div" size="sm" c="dimmed">
          {row.endpoint === undefined ? (
            <>
              {t('rules.tuned.everywhere')}
              {row.progress === undefined ? null : (
                <>
                  {' · '}
                  {t('rules.tuned.progress', row.progress)}
                  {row.progress.failed === 0
                    ? null
                    : ` · ${t('rules.tuned.progressFailed', { count: row.progress.failed })}`}
                </>
              )}
            </>
          ) : (
            <Link to={`/endpoints/${row.endpoint.endpointId}`}>
              <Untrusted text={row.endpoint.name} />
            </Link>
          )}
        </Text>
        <Text component="div" size="sm" c="dimmed">
          {left < 1 ? t('rules.tuned.lastDay') : t('rules.tuned.left', { count: left })}
          {' · '}
          {t('rules.tuned.until')} <TimeText time={row.expiresAt} />
          {' · '}
          {t('rules.tuned.owner')} <Untrusted text={row.owner} />
          {' · '}
          {t('rules.tuned.matches', { count: row.matches })}
        </Text>
      </div>
      {onEnd === undefined ? null : (
        <Button variant="default" size="sm" onClick={onEnd} style={{ flex: 'none' }}>
          {t('rules.tuned.end')}
        </Button>
      )}
    </Group>
  );
}
