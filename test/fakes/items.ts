import type { Event, Health, ItemBody, Severity, Story } from '@yagura/protocol';

/** 2026-04-01T00:00:00Z, where the fakes' clocks begin. */
export const EPOCH_TIME = 1_775_001_600_000;

export function anEvent(number: number, overrides: Partial<Event> = {}): Event {
  return {
    eventId: `ev-${number}`,
    logsource: { product: 'linux', category: 'process_creation' },
    time: EPOCH_TIME + number,
    bootTime: 10_000 + number,
    entityId: `p-${number % 50}`,
    parentEntityId: 'p-1',
    fields: {
      Image: '/usr/bin/bash',
      CommandLine: `bash -c "echo ${number}"`,
      ParentImage: '/usr/sbin/cron',
      User: 'root',
      ProcessId: 1_000 + number,
    },
    ...overrides,
  };
}

export function aStory(storyId: string, revision: number, severity: Severity = 'high', ruleId = 'rule-1'): Story {
  return {
    storyId,
    revision,
    severity,
    score: 80,
    rootEntityId: 'p-7',
    safeTest: false,
    firstSeen: EPOCH_TIME,
    lastSeen: EPOCH_TIME + revision,
    detections: [
      {
        detectionId: `${storyId}-d1`,
        rule: {
          ruleId,
          title: 'Reverse shell',
          source: 'sigma',
          severity,
          confidence: 'high',
          techniques: ['T1059.004'],
          tactics: ['execution'],
        },
        event: anEvent(1),
        matched: [{ field: 'CommandLine', value: 'bash -i' }],
        time: EPOCH_TIME,
      },
    ],
    detectionCount: 1,
    processes: [],
    processCount: 0,
    files: [],
    actions: [],
    containment: 'observed',
  };
}

export const eventItem = (number: number): ItemBody => ({ type: 'event', event: anEvent(number) });

export const storyItem = (storyId: string, revision = 1, severity: Severity = 'high', ruleId = 'rule-1'): ItemBody => ({
  type: 'story',
  story: aStory(storyId, revision, severity, ruleId),
});

export const aHealth = (time = EPOCH_TIME): Health => ({
  time,
  agentVersion: '0.1.0',
  policy: 'balanced',
  sensors: [],
  rules: { loaded: 25, rejected: 0 },
  spool: { alerts: 0, telemetry: 0, bytes: 0, shed: 0 },
  suppressed: 0,
  exclusionsVersion: 0,
});

export const healthItem = (time = EPOCH_TIME): ItemBody => ({ type: 'health', health: aHealth(time) });
