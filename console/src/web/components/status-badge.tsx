import {
  IconAlertOctagon,
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconEyeOff,
  IconInfoCircle,
  IconPlugConnectedX,
  IconShieldCheck,
  IconUserX,
} from '@tabler/icons-react';
import type { Containment, SensorHealth } from '@yagura/protocol';
import type { ComponentType, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointState, OrderState } from '../../api/index.ts';
import { ENDPOINT_TONE, type IncidentStatus, type Tone } from './status.ts';
import classes from './status-badge.module.css';

type Icon = ComponentType<{ size?: number | string; stroke?: number | string; 'aria-hidden'?: boolean }>;

/** Colour, icon and word in one: never colour alone. */
export function ToneBadge({ tone, icon: Glyph, children }: { tone: Tone; icon: Icon; children: ReactNode }) {
  return (
    <span className={classes['badge']} data-tone={tone}>
      <Glyph size={16} stroke={2} aria-hidden />
      <span>{children}</span>
    </span>
  );
}

const INCIDENT_ICON: Record<IncidentStatus, Icon> = {
  severe: IconAlertOctagon,
  attention: IconAlertTriangle,
  information: IconInfoCircle,
  settled: IconCircleCheck,
};

export function IncidentStatusBadge({ status }: { status: IncidentStatus }) {
  const { t } = useTranslation();
  return (
    <ToneBadge tone={status} icon={INCIDENT_ICON[status]}>
      {t(`status.${status}`)}
    </ToneBadge>
  );
}

const ENDPOINT_ICON: Record<EndpointState, Icon> = {
  watching: IconShieldCheck,
  degraded: IconEyeOff,
  offline: IconPlugConnectedX,
  revoked: IconUserX,
};

export function EndpointStateBadge({ state }: { state: EndpointState }) {
  const { t } = useTranslation();
  return (
    <ToneBadge tone={ENDPOINT_TONE[state]} icon={ENDPOINT_ICON[state]}>
      {t(`endpointState.${state}`)}
    </ToneBadge>
  );
}

const SENSOR_TONE: Record<SensorHealth['state'], Tone> = {
  active: 'settled',
  degraded: 'attention',
  blind: 'severe',
  stopped: 'quiet',
};
const SENSOR_ICON: Record<SensorHealth['state'], Icon> = {
  active: IconCircleCheck,
  degraded: IconAlertTriangle,
  blind: IconEyeOff,
  stopped: IconCircleDashed,
};

export function SensorStateBadge({ state }: { state: SensorHealth['state'] }) {
  const { t } = useTranslation();
  return (
    <ToneBadge tone={SENSOR_TONE[state]} icon={SENSOR_ICON[state]}>
      {t(`sensorState.${state}`)}
    </ToneBadge>
  );
}

const CONTAINMENT_TONE: Record<Containment, Tone> = {
  observed: 'quiet',
  'in-progress': 'information',
  partial: 'attention',
  complete: 'settled',
};
const CONTAINMENT_ICON: Record<Containment, Icon> = {
  observed: IconInfoCircle,
  'in-progress': IconCircleDashed,
  partial: IconAlertTriangle,
  complete: IconShieldCheck,
};

export function ContainmentBadge({ containment }: { containment: Containment }) {
  const { t } = useTranslation();
  return (
    <ToneBadge tone={CONTAINMENT_TONE[containment]} icon={CONTAINMENT_ICON[containment]}>
      {t(`containment.${containment}`)}
    </ToneBadge>
  );
}

const ORDER_TONE: Record<OrderState, Tone> = {
  waiting: 'quiet',
  sent: 'information',
  received: 'information',
  done: 'settled',
  failed: 'severe',
  refused: 'severe',
  expired: 'attention',
};

export function OrderStateBadge({ state }: { state: OrderState }) {
  const { t } = useTranslation();
  const icon =
    state === 'done' ? IconCircleCheck : ORDER_TONE[state] === 'severe' ? IconAlertOctagon : IconCircleDashed;
  return (
    <ToneBadge tone={ORDER_TONE[state]} icon={icon}>
      {t(`orderState.${state}`)}
    </ToneBadge>
  );
}
