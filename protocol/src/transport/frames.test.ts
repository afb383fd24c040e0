import { describe, expect, test } from 'vitest';
import { AgentFrame, CLOSE_CODES, ConsoleFrame, negotiateVersion } from './frames.ts';

describe('[VN1] the version', () => {
  test.each([
    [{ min: 1, max: 1 }, { min: 1, max: 1 }, 1],
    [{ min: 1, max: 3 }, { min: 2, max: 5 }, 3],
    [{ min: 2, max: 5 }, { min: 1, max: 3 }, 3],
    [{ min: 1, max: 1 }, { min: 2, max: 2 }, undefined],
    [{ min: 3, max: 4 }, { min: 1, max: 2 }, undefined],
  ])('%j and %j agree on %s', (ours, theirs, expected) => {
    expect(negotiateVersion(ours, theirs)).toBe(expected);
  });
});

describe('[VN3] frames', () => {
  const hello = {
    type: 'hello',
    protocol: { min: 1, max: 1 },
    agentVersion: '0.1.0',
    platform: 'linux',
    hostname: 'pc',
    epoch: 'e-1',
    lastSequence: 0,
    time: 1,
  };

  test('[UP2] no frame of an agent can name its endpoint or tenant', () => {
    expect(AgentFrame.safeParse(hello).success).toBe(true);
    expect(AgentFrame.safeParse({ ...hello, endpointId: 'other' }).success).toBe(false);
    expect(AgentFrame.safeParse({ ...hello, tenantId: 'other' }).success).toBe(false);
  });

  test.each([
    ['ranges of three', { type: 'ack', batchId: 1, epoch: 'e', ranges: [[1, 2, 3]] }],
    ['a sequence below one', { type: 'ack', batchId: 1, epoch: 'e', ranges: [[0, 2]] }],
    ['a negative wait', { type: 'nack', batchId: 1, code: 'x', message: 'y', retryAfterMs: -1 }],
    ['an order without signature', { type: 'order', order: { payload: 'AAAA' } }],
    ['a signature of another length', { type: 'order', order: { payload: 'AAAA', signature: 'AAAA' } }],
  ])('the console cannot send %s', (_name, frame) => {
    expect(ConsoleFrame.safeParse(frame).success).toBe(false);
  });

  test('[UP13] close codes are distinct and may be used by an application', () => {
    const codes = Object.values(CLOSE_CODES);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes)
      expect(code === 1001 || code === 1009 || code === 1011 || (code >= 4000 && code <= 4999)).toBe(true);
  });
});
