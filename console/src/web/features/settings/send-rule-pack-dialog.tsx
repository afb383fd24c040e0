import { List, MultiSelect, Radio, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointRules, RulePackRow } from '../../../api/index.ts';
import { Untrusted } from '../../components/untrusted.tsx';
import { visibleText } from '../../components/visible-text.ts';
import { OrderDialog } from '../orders/order-dialog.tsx';
import { TenantOrderDialog } from '../orders/tenant-order-dialog.tsx';

const LISTED = 10;

interface SendRulePackDialogProps {
  readonly pack: RulePackRow;
  readonly endpoints: readonly EndpointRules[];
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/**
 * One approval for every endpoint, those enrolled later included, or one order for each chosen one. What is
 * approved is the file's hash, shown to be compared.
 */
export function SendRulePackDialog({ pack, endpoints: current, onDone, onClose }: SendRulePackDialogProps) {
  const { t } = useTranslation();
  // As they were when the dialog was opened: the live list moves on.
  const [endpoints] = useState(() => current.filter(({ rulePack }) => rulePack?.active?.sha256 !== pack.sha256));
  const [everywhere, setEverywhere] = useState(true);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { sha256, size, name, version } = pack;
  const rows = endpoints.filter(({ endpointId }) => chosen.includes(endpointId));
  const action = { kind: 'set-rule-pack', sha256, size, name, version } as const;
  const explanation = (
    <Stack gap="sm">
      <Text fw={700}>
        <Untrusted text={name} /> <Untrusted text={version} />
      </Text>
      <Text>
        {everywhere ? t('rulePacks.send.willHappenEverywhere') : t('rulePacks.send.willHappen', { count: rows.length })}
      </Text>
      <Radio.Group
        label={t('rulePacks.send.machines')}
        value={everywhere ? 'all' : 'some'}
        onChange={(value) => setEverywhere(value === 'all')}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="all" label={t('rulePacks.send.everywhere')} description={t('rulePacks.send.everywhereHint')} />
          <Radio value="some" label={t('rulePacks.send.some')} />
        </Stack>
      </Radio.Group>
      {everywhere ? null : (
        <>
          <MultiSelect
            label={t('rulePacks.send.choose')}
            searchable
            value={[...chosen]}
            onChange={setChosen}
            data={endpoints.map((row) => ({ value: row.endpointId, label: visibleText(row.endpointName) }))}
          />
          <List size="sm">
            {rows.slice(0, LISTED).map((row) => (
              <List.Item key={row.endpointId}>
                <Untrusted text={row.endpointName} />
              </List.Item>
            ))}
          </List>
          {rows.length > LISTED ? <Text size="sm">{t('list.andMore', { count: rows.length - LISTED })}</Text> : null}
        </>
      )}
      <Text>{t('rulePacks.send.check')}</Text>
      <Untrusted text={sha256} code />
    </Stack>
  );
  const dialog = { title: t('rulePacks.send.title'), explanation, onDone, onClose };
  return everywhere ? (
    <TenantOrderDialog {...dialog} confirm={t('rulePacks.send.confirmEverywhere')} action={action} />
  ) : (
    <OrderDialog
      {...dialog}
      confirm={t('rulePacks.send.confirm', { count: rows.length })}
      requests={rows.map(({ endpointId }) => ({ endpointId, action }))}
    />
  );
}
