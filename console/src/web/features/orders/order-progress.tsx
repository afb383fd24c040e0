import { Group, Progress, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { OrderRow } from '../../../api/index.ts';
import { OrderStateBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { isFinal } from './follow-orders.ts';
import { useOutcomeWords } from './outcome-words.ts';
import type { OrderRun } from './use-order-run.ts';

/** More are counted, not listed. */
const LISTED = 8;

/** How far orders have come, in words that are read out as they change. */
export function OrderProgress({ run }: { run: OrderRun }) {
  const { t } = useTranslation();
  const { orders } = run;
  const finished = orders.filter(isFinal).length;
  const bad = orders.filter((order) => isFinal(order) && order.state !== 'done');
  // What did not go well stands above what did.
  const listed = [...bad, ...orders.filter((order) => !bad.includes(order))].slice(0, LISTED);
  return (
    <Stack gap="sm">
      <Text fw={700} component="output">
        {run.phase !== 'ended'
          ? t('order.progress.running', { finished, count: orders.length })
          : bad.length === 0
            ? t('order.progress.done', { count: orders.length })
            : t('order.progress.partly', { bad: bad.length, count: orders.length })}
      </Text>
      {orders.length > 1 || run.phase !== 'ended' ? (
        <Progress
          value={orders.length === 0 ? 0 : (finished / orders.length) * 100}
          animated={run.phase !== 'ended'}
          color={bad.length > 0 ? 'orange' : 'ai'}
          aria-label={t('order.progress.bar')}
        />
      ) : null}
      <Stack gap="xs">
        {listed.map((order) => (
          <OrderLine key={order.orderId} order={order} subject={run.subjectOf(order)} />
        ))}
      </Stack>
      {orders.length > LISTED ? (
        <Text size="sm" c="dimmed">
          {t('order.progress.more', { count: orders.length - LISTED })}
        </Text>
      ) : null}
    </Stack>
  );
}

/** One order: what, where, how it stands and why. */
export function OrderLine({ order, subject }: { order: OrderRow; subject?: string | undefined }) {
  const { t } = useTranslation();
  const outcomeWords = useOutcomeWords();
  const code = order.code !== undefined && order.code !== 'done' ? order.code : undefined;
  return (
    <Group gap="xs" wrap="wrap" align="baseline">
      <OrderStateBadge state={order.state} />
      <Text component="span">
        {t(`orderKind.${order.action.kind}`)}
        {' — '}
        <Untrusted text={order.endpointName} />
        {subject === undefined ? null : (
          <>
            {': '}
            <Untrusted text={subject} code />
          </>
        )}
      </Text>
      {code === undefined ? null : (
        <Text component="span" size="sm">
          {outcomeWords(code)}
        </Text>
      )}
      {order.state === 'waiting' ? (
        <Text component="span" size="sm" c="dimmed">
          {t('order.waitingUntil')} <TimeText time={order.expiresAt} />
        </Text>
      ) : null}
    </Group>
  );
}
