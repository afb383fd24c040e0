import type { Health } from '@yagura/protocol';
import type { EndpointState } from '../../../api/fleet.ts';

export interface StateFacts {
  readonly revoked: boolean;
  readonly connected: boolean;
  readonly degraded: boolean;
}

/** Revoked outweighs all; what is not connected is offline, whatever it last said. */
export function endpointState({ revoked, connected, degraded }: StateFacts): EndpointState {
  if (revoked) return 'revoked';
  if (!connected) return 'offline';
  return degraded ? 'degraded' : 'watching';
}

/** An endpoint that names no sensor at all sees nothing, so that counts as degraded as well. */
export function isDegraded(health: Health): boolean {
  return health.sensors.length === 0 || health.sensors.some((sensor) => sensor.state !== 'active');
}

/**
 * What of a health report is worth telling browsers at once. Counters rise with every report and are read
 * when somebody looks.
 */
export function healthHeadline(health: Health): string {
  return JSON.stringify([
    health.agentVersion,
    health.policy,
    health.exclusionsVersion,
    health.rules,
    health.rulePack?.active?.sha256,
    health.rulePack?.failed,
    health.sensors.map((sensor) => [sensor.name, sensor.state, sensor.code]),
  ]);
}
