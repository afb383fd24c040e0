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
  const [asking, setAsking] = useState(false);
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
          <Button onClick={() => setAsking(true)} style={{ alignSelf: 'flex-start' }}>
            {t('endpoint.policy.change', { mode: t(`policy.${chosen}`) })}
          </Button>
        ) : null}
        {changeable ? null : <Text size="sm">{t('order.viewerOnly')}</Text>}
      </Stack>
      {asking ? (
        <OrderDialog
          title={t('endpoint.policy.change', { mode: t(`policy.${chosen}`) })}
          explanation={
            <Stack gap="xs">
              <Text>
                <Untrusted text={endpoint.displayName} />: {t(`policyHint.${chosen}`)}
              </Text>
              <Text>{t('endpoint.policy.undoHint')}</Text>
            </Stack>
          }
          confirm={t('endpoint.policy.confirm')}
          dangerous={chosen === 'observe'}
          requests={[{ endpointId: endpoint.endpointId, action: { kind: 'set-policy', mode: chosen } }]}
          onClose={() => {
            setAsking(false);
            setWanted(undefined);
          }}
        />
      ) : null}
    </Panel>
  );
}
