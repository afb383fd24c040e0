import { Button, Group, MultiSelect, Radio, Select, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { SEVERITIES, type Severity } from '@yagura/protocol';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { PlanRuleTuning, RuleRow } from '../../../api/index.ts';
import { useNow } from '../../app/use-now.ts';
import { Dialog } from '../../components/dialog.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { visibleText } from '../../components/visible-text.ts';
import { PlannedTuningDialog } from './planned-tuning-dialog.tsx';
import { TUNINGS_QUERY } from './rule-queries.ts';
import { useRuleTitle } from './rule-words.ts';

const DAYS = [7, 30, 90, 180, 365] as const;
const DEFAULT_DAYS = 30;
const DAY_MS = 24 * 3_600_000;
/** As many as one plan may name. */
const MOST_CHOSEN = 100;

export type TuningKind = 'disable' | 'level';
type NewTuning = Extract<PlanRuleTuning, { change: 'add' }>;

interface TuneRuleDialogProps {
  readonly rule: RuleRow;
  readonly kind: TuningKind;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Where, why and for how long; then what that means, to be approved. */
export function TuneRuleDialog({ rule, kind, onDone, onClose }: TuneRuleDialogProps) {
  const { t } = useTranslation();
  const title = useRuleTitle();
  const now = useNow();
  const [plan, setPlan] = useState<NewTuning | undefined>();
  if (plan === undefined) return <TuningForm rule={rule} kind={kind} onPlan={setPlan} onClose={onClose} />;
  return (
    <PlannedTuningDialog
      title={t(`rules.tune.${kind}.title`)}
      explanation={
        <Stack gap="xs">
          <Text>
            {plan.to.kind === 'disable'
              ? t('rules.tune.willDisable')
              : t('rules.tune.willLevel', { level: t(`severity.${plan.to.level}`) })}
          </Text>
          <Text fw={700}>
            <Untrusted text={title(rule)} />
          </Text>
          <Text>
            {plan.target.scope === 'tenant'
              ? t('rules.tune.tenant')
              : t('rules.tune.endpoints', { count: plan.target.endpointIds.length })}
          </Text>
          <Text>
            {t('rules.tune.ends')} <TimeText time={now + plan.validDays * DAY_MS} />
          </Text>
          <Text>{t('rules.tune.undoHint')}</Text>
        </Stack>
      }
      confirm={t(`rules.tune.${kind}.confirm`)}
      plan={plan}
      dangerous
      onDone={onDone}
      onClose={onClose}
    />
  );
}

interface TuningFormProps {
  readonly rule: RuleRow;
  readonly kind: TuningKind;
  readonly onPlan: (plan: NewTuning) => void;
  readonly onClose: () => void;
}

function TuningForm({ rule, kind, onPlan, onClose }: TuningFormProps) {
  const { t } = useTranslation();
  const ruleTitle = useRuleTitle();
  const { data } = useQuery(TUNINGS_QUERY);
  const [everywhere, setEverywhere] = useState(false);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [level, setLevel] = useState<Severity>(rule.severity === 'informational' ? 'low' : 'informational');
  const [reason, setReason] = useState('');
  const [days, setDays] = useState<number>(DEFAULT_DAYS);
  const ready = reason.trim() !== '' && (everywhere || chosen.length > 0);
  return (
    <Dialog onClose={onClose} title={t(`rules.tune.${kind}.title`)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!ready) return;
          onPlan({
            change: 'add',
            target: everywhere ? { scope: 'tenant' } : { scope: 'endpoints', endpointIds: [...chosen] },
            ruleId: rule.ruleId,
            ruleTitle: ruleTitle(rule).slice(0, 256),
            to: kind === 'disable' ? { kind } : { kind, level },
            reason: reason.trim(),
            validDays: days,
          });
        }}
      >
        <Stack gap="md">
          <Text fw={700}>
            <Untrusted text={ruleTitle(rule)} />
          </Text>
          <Text>{t(`rules.tune.${kind}.explanation`)}</Text>
          {kind === 'level' ? (
            <Select
              label={t('rules.tune.level.label')}
              allowDeselect={false}
              value={level}
              onChange={(value) => setLevel(SEVERITIES.find((each) => each === value) ?? level)}
              data={SEVERITIES.filter((each) => each !== rule.severity).map((each) => ({
                value: each,
                label: t(`severity.${each}`),
              }))}
            />
          ) : null}
          <Radio.Group
            label={t('rules.tune.where')}
            value={everywhere ? 'all' : 'some'}
            onChange={(value) => setEverywhere(value === 'all')}
          >
            <Stack gap="xs" mt="xs">
              <Radio value="some" label={t('rules.tune.some')} />
              <Radio value="all" label={t('rules.tune.everywhere')} description={t('rules.tune.everywhereHint')} />
            </Stack>
          </Radio.Group>
          {everywhere ? null : (
            <MultiSelect
              label={t('rules.tune.choose')}
              searchable
              maxValues={MOST_CHOSEN}
              value={[...chosen]}
              onChange={setChosen}
              data={(data?.endpoints ?? []).map((row) => ({ value: row.endpointId, label: visibleText(row.name) }))}
            />
          )}
          <Textarea
            label={t('rules.tune.reason')}
            description={t('rules.tune.reasonHint')}
            required
            maxLength={256}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <Select
            label={t('rules.tune.until')}
            allowDeselect={false}
            value={String(days)}
            onChange={(value) => setDays(Number(value ?? DEFAULT_DAYS))}
            data={DAYS.map((each) => ({ value: String(each), label: t('rules.tune.days', { count: each }) }))}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t('dialog.cancel')}
            </Button>
            <Button type="submit" disabled={!ready}>
              {t('rules.tune.next')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
