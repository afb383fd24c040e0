import { Button, Group, Stack, Text } from '@mantine/core';
import { SEVERITIES } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import type { EndpointRules, RulePackRow } from '../../../api/index.ts';
import { FactList } from '../../components/fact-list.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useBytes } from '../../components/use-bytes.ts';

interface RulePackLineProps {
  readonly row: RulePackRow;
  readonly endpoints: readonly EndpointRules[];
  readonly busy: boolean;
  /** Absent for those who may only look. */
  readonly onSend?: () => void;
  readonly onRemove?: () => void;
}

/** One pack: rules by system and level, what can fire, whose they are, and where it runs. */
export function RulePackLine({ row, endpoints, busy, onSend, onRemove }: RulePackLineProps) {
  const { t } = useTranslation();
  const bytes = useBytes();
  const { header } = row;
  const running = endpoints.filter(({ rulePack }) => rulePack?.active?.sha256 === row.sha256).length;
  const failed = endpoints.filter(({ rulePack }) => rulePack?.failed?.sha256 === row.sha256).length;
  const systems = header.systems.map(({ system, rules, canFire }) => (
    <div key={system}>
      {t(`rulePacks.system.${system}`)} {t('rulePacks.rules', { count: rules })}
      {canFire === undefined ? null : ` · ${t('rulePacks.canFire', { number: canFire })}`}
    </div>
  ));
  const levels = SEVERITIES.toReversed()
    .filter((level) => header.levels[level] > 0)
    .map((level) => `${t(`severity.${level}`)} ${t('rulePacks.rules', { count: header.levels[level] })}`);
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="sm" align="flex-start">
        <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>
          <Text component="div" fw={700}>
            <Untrusted text={row.name} /> <Untrusted text={row.version} />
          </Text>
          <Text component="div" size="sm" c="dimmed">
            {running > 0 ? `${t('rulePacks.running', { count: running })} · ` : null}
            {failed > 0 ? `${t('rulePacks.failed', { count: failed })} · ` : null}
            {bytes(row.size)} · {t('rulePacks.added')} <TimeText time={row.uploadedAt} /> ·{' '}
            <Untrusted text={row.uploadedBy} />
          </Text>
        </div>
        <Group gap="sm" style={{ flex: 'none' }}>
          {onRemove === undefined || running > 0 ? null : (
            <Button variant="default" size="sm" disabled={busy} onClick={onRemove}>
              {t('rulePacks.remove')}
            </Button>
          )}
          {onSend === undefined ? null : (
            <Button size="sm" onClick={onSend}>
              {t('rulePacks.send.button')}
            </Button>
          )}
        </Group>
      </Group>
      <FactList
        facts={[
          [t('rulePacks.systems'), <div key="systems">{systems}</div>],
          [t('rulePacks.levels'), levels.join(' · ')],
          [
            t('rulePacks.origin'),
            <div key="origin">
              <div>
                {t('rulePacks.originWords', { authors: header.withAuthor, licences: header.withLicence })}
                {header.rejected > 0 ? ` · ${t('rulePacks.rejected', { count: header.rejected })}` : null}
              </div>
              {header.licences.map((licence) => (
                <div key={licence}>
                  <Untrusted text={licence} />
                </div>
              ))}
            </div>,
          ],
          [t('rulePacks.sha256'), <Untrusted key="sha256" text={row.sha256} code />],
        ]}
      />
    </Stack>
  );
}
