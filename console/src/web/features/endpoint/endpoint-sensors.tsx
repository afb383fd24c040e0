import { Stack, Text } from '@mantine/core';
import type { SensorHealth, SuspendedRule } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { EndpointDetail } from '../../../api/index.ts';
import { FactList } from '../../components/fact-list.tsx';
import { Notice } from '../../components/notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { SensorStateBadge } from '../../components/status-badge.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useBytes } from '../../components/use-bytes.ts';
import { useLanguage } from '../../i18n/i18n.ts';
import { SuspensionTimes } from '../rules/suspended-rules-panel.tsx';
import classes from './endpoint-sensors.module.css';
import { useSensorName, useSensorReason } from './sensor-words.ts';

/** Blind first: what is not seen matters more than what is. */
const RANK: Record<SensorHealth['state'], number> = { blind: 0, degraded: 1, stopped: 2, active: 3 };

/** More suspended rules are counted, not listed. */
const LISTED_SUSPENDED = 5;

/** What the endpoint sees, what it misses and how much it has lost. */
export function EndpointSensors({ endpoint }: { endpoint: EndpointDetail }) {
  const { t } = useTranslation();
  const bytes = useBytes();
  const { health } = endpoint;
  if (health === undefined) {
    return (
      <Panel title={t('endpoint.sensors.title')}>
        <Text c="dimmed">{t('endpoint.sensors.none')}</Text>
      </Panel>
    );
  }
  const sensors = health.sensors.toSorted((a, b) => RANK[a.state] - RANK[b.state]);
  const lost = sensors.reduce((sum, sensor) => sum + sensor.lost, 0);
  const { spool, rules } = health;
  return (
    <Panel
      title={t('endpoint.sensors.title')}
      aside={
        <Text size="sm" c="dimmed">
          {t('endpoint.sensors.asOf')} <TimeText time={health.time} />
        </Text>
      }
    >
      <Stack gap="md">
        <Text>{lost === 0 ? t('endpoint.sensors.nothingLost') : t('endpoint.sensors.lost', { count: lost })}</Text>
        <ul className={classes['list']}>
          {sensors.map((sensor) => (
            <Sensor key={sensor.name} sensor={sensor} />
          ))}
        </ul>
        {rules.suspended === undefined || rules.suspended.length === 0 ? null : (
          <SuspendedRules rules={rules.suspended} />
        )}
        <FactList
          facts={[
            [
              t('endpoint.sensors.rules'),
              rules.rejected === 0
                ? t('endpoint.sensors.rulesLoaded', { count: rules.loaded })
                : t('endpoint.sensors.rulesRejected', { count: rules.loaded, rejected: rules.rejected }),
            ],
            [
              t('endpoint.sensors.spool'),
              t('endpoint.sensors.spoolWords', {
                alerts: spool.alerts,
                telemetry: spool.telemetry,
                size: bytes(spool.bytes),
              }),
            ],
            [
              t('endpoint.sensors.shed'),
              spool.shed === 0 ? undefined : t('endpoint.sensors.shedWords', { count: spool.shed }),
            ],
            [
              t('endpoint.sensors.suppressed'),
              health.suppressed === 0 ? undefined : t('endpoint.sensors.suppressedWords', { count: health.suppressed }),
            ],
            [
              t('endpoint.sensors.tuned'),
              health.tunings === undefined || health.tunings.inForce === 0 ? undefined : (
                <Link key="tuned" to="/settings/rules?view=tuned">
                  {t('endpoint.sensors.tunedWords', {
                    count: health.tunings.inForce,
                    matches: health.tunings.matches.reduce((sum, { count }) => sum + count, 0),
                  })}
                </Link>
              ),
            ],
          ]}
        />
      </Stack>
    </Panel>
  );
}

/** Rules that the endpoint has set aside for a while: something to know, nothing to do. */
function SuspendedRules({ rules }: { rules: readonly SuspendedRule[] }) {
  const { t } = useTranslation();
  return (
    <Notice tone="information">
      <Text>{t('endpoint.sensors.suspended', { count: rules.length })}</Text>
      <ul className={classes['titles']}>
        {rules.slice(0, LISTED_SUSPENDED).map((rule) => (
          <li key={rule.ruleId}>
            <Link to={`/settings/rules/${rule.ruleId}`}>
              <Untrusted text={rule.title} />
            </Link>
            <Text component="div" size="sm">
              <SuspensionTimes {...rule} />
            </Text>
          </li>
        ))}
        {rules.length > LISTED_SUSPENDED ? (
          <li>{t('endpoint.sensors.suspendedMore', { count: rules.length - LISTED_SUSPENDED })}</li>
        ) : null}
      </ul>
    </Notice>
  );
}

function Sensor({ sensor }: { sensor: SensorHealth }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const name = useSensorName();
  const reason = useSensorReason();
  return (
    <li className={classes['sensor']}>
      <SensorStateBadge state={sensor.state} />
      <div className={classes['words']}>
        <div>
          {name(sensor.name)}{' '}
          <span className={classes['code']}>
            <Untrusted text={sensor.name} code />
          </span>
        </div>
        {sensor.code === undefined ? null : (
          <div>
            {reason(sensor.code)} <Untrusted text={sensor.code} code />
          </div>
        )}
        {sensor.detail === undefined ? null : (
          <div className={classes['note']}>
            <Untrusted text={sensor.detail} />
          </div>
        )}
      </div>
      <div className={classes['counts']}>
        {t('endpoint.sensors.events', { number: sensor.events.toLocaleString(language), count: sensor.events })}
        {sensor.lost === 0 ? null : (
          <strong>
            {' '}
            {t('endpoint.sensors.lostShort', { number: sensor.lost.toLocaleString(language), count: sensor.lost })}
          </strong>
        )}
      </div>
    </li>
  );
}
