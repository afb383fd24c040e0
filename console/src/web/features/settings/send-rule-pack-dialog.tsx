import { Button, Group, List, MultiSelect, Radio, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointRules, RulePackRow } from '../../../api/index.ts';
import { Dialog } from '../../components/dialog.tsx';
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

/** Ids of endpoints, or every endpoint of the tenant, those enrolled later included. */
type Recipients = 'everywhere' | readonly string[];

/** Where to, then what that means, to be approved. What is approved is the file's hash, shown to be compared. */
export function SendRulePackDialog({ pack, endpoints: current, onDone, onClose }: SendRulePackDialogProps) {
  const { t } = useTranslation();
  // As they were when the dialog was opened: the live list moves on.
  const [endpoints] = useState(() => current.filter(({ rulePack }) => rulePack?.active?.sha256 !== pack.sha256));
  const [recipients, setRecipients] = useState<Recipients | undefined>();
  const { sha256, size, name, version } = pack;
  if (recipients === undefined) {
    return <RecipientsForm pack={pack} endpoints={endpoints} onChosen={setRecipients} onClose={onClose} />;
  }
  const action = { kind: 'set-rule-pack', sha256, size, name, version } as const;
  const rows = endpoints.filter(({ endpointId }) => recipients.includes(endpointId));
  const check = (
    <>
      <Text>{t('rulePacks.send.check')}</Text>
      <Untrusted text={sha256} code />
    </>
  );
  const dialog = { title: t('rulePacks.send.title'), onDone, onClose };
  return recipients === 'everywhere' ? (
    <TenantOrderDialog
      {...dialog}
      explanation={
        <Stack gap="sm">
          <Text>{t('rulePacks.send.willHappenEverywhere')}</Text>
          {check}
        </Stack>
      }
      confirm={t('rulePacks.send.confirmEverywhere')}
      action={action}
    />
  ) : (
    <OrderDialog
      {...dialog}
      explanation={
        <Stack gap="sm">
          <Text>{t('rulePacks.send.willHappen', { count: rows.length })}</Text>
          <List size="sm">
            {rows.slice(0, LISTED).map((row) => (
              <List.Item key={row.endpointId}>
                <Untrusted text={row.endpointName} />
              </List.Item>
            ))}
          </List>
          {rows.length > LISTED ? <Text size="sm">{t('list.andMore', { count: rows.length - LISTED })}</Text> : null}
          {check}
        </Stack>
      }
      confirm={t('rulePacks.send.confirm', { count: rows.length })}
      requests={rows.map(({ endpointId }) => ({ endpointId, action }))}
    />
  );
}

interface RecipientsFormProps {
  readonly pack: RulePackRow;
  readonly endpoints: readonly EndpointRules[];
  readonly onChosen: (recipients: Recipients) => void;
  readonly onClose: () => void;
}

function RecipientsForm({ pack, endpoints, onChosen, onClose }: RecipientsFormProps) {
  const { t } = useTranslation();
  const [everywhere, setEverywhere] = useState(true);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  return (
    <Dialog onClose={onClose} title={t('rulePacks.send.title')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onChosen(everywhere ? 'everywhere' : chosen);
        }}
      >
        <Stack gap="md">
          <Text fw={700}>
            <Untrusted text={pack.name} /> <Untrusted text={pack.version} />
          </Text>
          <Radio.Group
            label={t('rulePacks.send.machines')}
            value={everywhere ? 'all' : 'some'}
            onChange={(value) => setEverywhere(value === 'all')}
          >
            <Stack gap="xs" mt="xs">
              <Radio
                value="all"
                label={t('rulePacks.send.everywhere')}
                description={t('rulePacks.send.everywhereHint')}
              />
              <Radio value="some" label={t('rulePacks.send.some')} />
            </Stack>
          </Radio.Group>
          {everywhere ? null : (
            <MultiSelect
              label={t('rulePacks.send.choose')}
              searchable
              value={[...chosen]}
              onChange={setChosen}
              data={endpoints.map((row) => ({ value: row.endpointId, label: visibleText(row.endpointName) }))}
            />
          )}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t('dialog.cancel')}
            </Button>
            <Button type="submit" disabled={!everywhere && chosen.length === 0}>
              {t('rules.tune.next')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
