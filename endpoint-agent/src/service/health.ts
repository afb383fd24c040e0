import {
  type Health,
  type ItemBody,
  LIMITS,
  type RulePackHealth,
  type SensorHealth,
  type SuspendedRule,
} from '@yagura/protocol';
import type { Clock } from '../platform/clock.ts';
import { AGENT_VERSION } from '../platform/version.ts';
import type { Sensor } from '../sensors/sensor.ts';
import type { Spool } from '../spool/spool.ts';
import type { Settings } from './settings.ts';

export interface HealthParts {
  readonly clock: Clock;
  readonly sensors: readonly Sensor[];
  readonly settings: Settings;
  readonly spool: Spool;
  readonly rules: () => {
    readonly loaded: number;
    readonly rejected: number;
    /** Those that are left out now. */
    readonly suspended: readonly SuspendedRule[];
  };
  readonly rulePack: () => RulePackHealth;
  readonly suppressed: () => number;
  /** Files that were written and not looked into, and events not sent. */
  readonly scanner: () => { readonly dropped: number };
}

/** Reports how the agent is: on a schedule, and at once when a sensor's state or a rule's changes (SPEC HE1, HE6). */
export interface HealthReporter {
  take(): Health;
  /** Spools a report now. */
  report(): void;
  /** Call about every second. */
  tick(): void;
}

export function createHealthReporter(parts: HealthParts, intervalMs: number): HealthReporter {
  const { clock, spool, settings } = parts;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let reportedStates = '';

  function take(): Health {
    const { pending, bytes, shed } = spool.status();
    return {
      time: clock.now(),
      agentVersion: AGENT_VERSION,
      policy: settings.policy(),
      sensors: [...parts.sensors.map((sensor) => sensor.health()), scannerHealth()],
      rules: rulesHealth(),
      spool: { alerts: pending.alerts, telemetry: pending.telemetry + pending.detail, bytes, shed },
      suppressed: parts.suppressed(),
      exclusionsVersion: settings.exclusionsVersion(),
      rulePack: parts.rulePack(),
      tunings: settings.tuningHealth(),
    };
  }

  function rulesHealth(): Health['rules'] {
    const { loaded, rejected, ...rest } = parts.rules();
    // Those suspended last are the ones that are news.
    const suspended = rest.suspended.slice(-LIMITS.sensors);
    return { loaded, rejected, ...(suspended.length === 0 ? {} : { suspended }) };
  }

  function scannerHealth(): SensorHealth {
    const { dropped } = parts.scanner();
    return { name: 'scanner', state: 'active', events: 0, lost: dropped };
  }

  function report(): void {
    const health = take();
    reportedAt = clock.monotonic();
    reportedStates = statesOf(health);
    spool.append([{ type: 'health', health } satisfies ItemBody]);
  }

  return {
    take,
    report,
    tick() {
      if (clock.monotonic() - reportedAt >= intervalMs || statesOf(take()) !== reportedStates) report();
    },
  };
}

function statesOf(health: Health): string {
  const suspended = (health.rules.suspended ?? []).map(({ ruleId, times }) => `${ruleId}:${times}`);
  const sensors = health.sensors.map((sensor) => `${sensor.name}:${sensor.state}:${sensor.code ?? ''}`);
  return [health.policy, ...sensors, ...suspended, health.tunings?.inForce ?? 0].join(' ');
}
