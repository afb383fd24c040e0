import { Button, Radio, Stack, Text } from '@mantine/core';
import { POLICY_MODES, type PolicyMode } from '@yagura/protocol';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointDetail } from '../../../api/index.ts';
import { useIsAdmin } from '../../app/session.ts';
import { Panel } from '../../components/panel.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { OrderDialog } from '../orders/order-dialog.tsx';

/** What the endpoint does by itself. A change is an order that the endpoint itself verifies. */
export function PolicySwitch({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const [wanted, setWanted] = useState<PolicyMode | undefined>();
  /** The change that is being asked about; the live state moves on while the dialog is open. */
  const [change, setChange] = useState<{ readonly from: PolicyMode; readonly to: PolicyMode } | undefined>();
  const chosen = wanted ?? endpoint.policy;
  const changeable = isAdmin && endpoint.state !== 'revoked';
  return (
    <Panel title={t('endpoint.policy.title')}>
      <Stack gap="sm">
        <Radio.Group
          aria-label={t('endpoint.policy.title')}
          value={chosen}
          onChange={(value) => setWanted(POLICY_MODES.find((mode) => mode === value))}
        >
          <Stack gap="sm">
            {POLICY_MODES.toReversed().map((mode) => (
              <Radio
                key={mode}
                value={mode}
                disabled={!changeable}
                label={
                  mode === endpoint.policy
                    ? `${t(`policy.${mode}`)} (${t('endpoint.policy.now')})`
                    : t(`policy.${mode}`)
                }
                description={t(`policyHint.${mode}`)}
              />
            ))}
          </Stack>
        </Radio.Group>
        {changeable && chosen !== endpoint.policy ? (
          <Button onClick={() => setChange({ from: endpoint.policy, to: chosen })} style={{ alignSelf: 'flex-start' }}>
            {t('endpoint.policy.change', { mode: t(`policy.${chosen}`) })}
          </Button>
        ) : null}
        {changeable ? null : <Text size="sm">{t('order.viewerOnly')}</Text>}
      </Stack>
      {change === undefined ? null : (
        <OrderDialog
          title={t('endpoint.policy.change', { mode: t(`policy.${change.to}`) })}
          explanation={
            <Stack gap="xs">
              <Text>
                <Untrusted text={endpoint.displayName} />: {t(`policyHint.${change.to}`)}
              </Text>
              <Text>{t('endpoint.policy.undoHint')}</Text>
            </Stack>
          }
          confirm={t('endpoint.policy.confirm')}
          dangerous={change.to === 'observe'}
          requests={[{ endpointId: endpoint.endpointId, action: { kind: 'set-policy', mode: change.to } }]}
          undo={{
            label: t('endpoint.policy.undo', { mode: t(`policy.${change.from}`) }),
            requests: [{ endpointId: endpoint.endpointId, action: { kind: 'set-policy', mode: change.from } }],
          }}
          onClose={() => {
            setChange(undefined);
            setWanted(undefined);
          }}
        />
      )}
    </Panel>
  );
}
