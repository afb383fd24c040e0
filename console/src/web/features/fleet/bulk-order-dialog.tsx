import { List, Stack, Text } from '@mantine/core';
import type { OrderAction } from '@yagura/protocol';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointRow } from '../../../api/index.ts';
import { MachineName } from '../../components/machine-name.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';

export type BulkOrder = 'observe' | 'balanced' | 'test-detection';

const ACTION: Record<BulkOrder, OrderAction> = {
  observe: { kind: 'set-policy', mode: 'observe' },
  balanced: { kind: 'set-policy', mode: 'balanced' },
  'test-detection': { kind: 'test-detection' },
};
const LISTED = 10;

interface BulkOrderDialogProps {
  readonly order: BulkOrder;
  readonly rows: readonly EndpointRow[];
  readonly onClose: () => void;
}

/** The same order for several endpoints, after saying which. */
export function BulkOrderDialog({ order, rows: current, onClose }: BulkOrderDialogProps) {
  const { t } = useTranslation();
  // As they were when the person chose them: the live list moves on while the dialog is open.
  const [rows] = useState(current);
  const undo = {
    label: t('fleet.bulk.undo'),
    requests: rows.map((row) => ({
      endpointId: row.endpointId,
      action: { kind: 'set-policy', mode: row.policy } as const,
    })),
  };
  return (
    <OrderDialog
      title={t('fleet.bulk.title', { order: t(`fleet.bulk.${order}`), count: rows.length })}
      explanation={
        <Stack gap="xs">
          <Text>{t(`fleet.bulk.explanation.${order}`)}</Text>
          <List size="sm">
            {rows.slice(0, LISTED).map((row) => (
              <List.Item key={row.endpointId}>
                <MachineName row={row} />
              </List.Item>
            ))}
          </List>
          {rows.length > LISTED ? <Text size="sm">{t('list.andMore', { count: rows.length - LISTED })}</Text> : null}
        </Stack>
      }
      confirm={t('fleet.bulk.confirm', { count: rows.length })}
      dangerous={order === 'observe'}
      requests={rows.map((row) => ({ endpointId: row.endpointId, action: ACTION[order] }))}
      {...(order === 'test-detection' ? {} : { undo })}
      onClose={onClose}
    />
  );
}
