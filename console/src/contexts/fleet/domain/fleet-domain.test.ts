import type { Health } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { endpointState, healthHeadline, isDegraded } from './endpoint-state.ts';
import { TOKEN_REFUSAL, tokenState } from './token-state.ts';

const health = (states: Health['sensors'][number]['state'][]): Health => ({
  time: 1,
  agentVersion: '1',
  policy: 'balanced',
  sensors: states.map((state, index) => ({ name: `s${index}`, state, events: 0, lost: 0 })),
  rules: { loaded: 1, rejected: 0 },
  spool: { alerts: 0, telemetry: 0, bytes: 0, shed: 0 },
  suppressed: 0,
  exclusionsVersion: 0,
});

test.each([
  [true, true, false, 'revoked'],
  [true, false, true, 'revoked'],
  [false, false, false, 'offline'],
  [false, true, true, 'degraded'],
  [false, true, false, 'watching'],
] as const)('revoked %s, connected %s, degraded %s: %s', (revoked, connected, degraded, state) => {
  expect(endpointState({ revoked, connected, degraded })).toBe(state);
});

test('one sensor that is not active degrades, and so does none at all', () => {
  expect(isDegraded(health(['active', 'active']))).toBe(false);
  expect(isDegraded(health(['active', 'degraded']))).toBe(true);
  expect(isDegraded(health(['blind']))).toBe(true);
  expect(isDegraded(health([]))).toBe(true);
});

test('counters alone are no news, a change of a sensor is', () => {
  const first = health(['active']);
  const counted = { ...first, time: 9, sensors: first.sensors.map((sensor) => ({ ...sensor, events: 500, lost: 3 })) };
  expect(healthHeadline(counted)).toBe(healthHeadline(first));
  expect(healthHeadline(health(['blind']))).not.toBe(healthHeadline(first));
});

test('a token is open until it is used, withdrawn or expired', () => {
  expect(tokenState({ expiresAt: 10 }, 9)).toBe('open');
  expect(tokenState({ expiresAt: 10 }, 10)).toBe('expired');
  expect(tokenState({ expiresAt: 10, usedAt: 5 }, 20)).toBe('used');
  expect(tokenState({ expiresAt: 10, withdrawnAt: 5 }, 20)).toBe('withdrawn');
  expect(TOKEN_REFUSAL.withdrawn).toBe('token_unknown');
});
