import { List, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { QuarantineRow } from '../../../api/index.ts';
import { Untrusted } from '../../components/untrusted.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';

export interface QuarantineOrder {
  readonly kind: 'restore-file' | 'delete-quarantined';
  readonly rows: readonly QuarantineRow[];
}

const LISTED = 10;

/** Restores files to where they were, or deletes them for good; says which, and that deleting has no way back. */
export function QuarantineDialog({ order, onClose }: { order: QuarantineOrder; onClose: () => void }) {
  const { t } = useTranslation();
  const { kind, rows } = order;
  const words = kind === 'restore-file' ? 'restore' : 'deleteForGood';
  return (
    <OrderDialog
      title={t(`${words}.title`)}
      explanation={
        <Stack gap="xs">
          <Text>{t(`${words}.willHappen`, { count: rows.length })}</Text>
          <List size="sm">
            {rows.slice(0, LISTED).map((row) => (
              <List.Item key={`${row.endpointId} ${row.quarantineId}`}>
                <Untrusted text={row.endpointName} />: <Untrusted text={row.path} code />
              </List.Item>
            ))}
          </List>
          {rows.length > LISTED ? <Text size="sm">{t('list.andMore', { count: rows.length - LISTED })}</Text> : null}
          <Text>{t(`${words}.warning`)}</Text>
        </Stack>
      }
      confirm={t(`${words}.confirm`, { count: rows.length })}
      dangerous={kind === 'delete-quarantined'}
      requests={rows.map((row) => ({
        endpointId: row.endpointId,
        action: { kind, quarantineId: row.quarantineId },
        subject: row.path,
      }))}
      onClose={onClose}
    />
  );
}
