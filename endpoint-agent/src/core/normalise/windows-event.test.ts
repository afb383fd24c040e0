import { describe, expect, test } from 'vitest';
import { normaliseWindowsEvent } from './windows-event.ts';
import { windowsLogSource } from './windows-log-source.ts';

const SYSTEM = {
  Provider: { '#attributes': { Name: 'Microsoft-Windows-Sysmon', Guid: '{57}' } },
  EventID: 1,
  TimeCreated: { '#attributes': { SystemTime: '2025-11-27T07:40:10.165324Z' } },
  EventRecordID: 571146,
  Correlation: null,
  Execution: { '#attributes': { ProcessID: 788, ThreadID: 792 } },
  Channel: 'Microsoft-Windows-Sysmon/Operational',
  Computer: 'pc1',
};

function normalise(system: object, more: object = {}) {
  const result = normaliseWindowsEvent({ Event: { System: { ...SYSTEM, ...system }, ...more } });
  if (!result.ok) throw new Error(result.code);
  return result.event;
}

describe('fields', () => {
  test('the header is named as the specification says', () => {
    const event = normalise({}, { EventData: { Image: 'C:\\a.exe', ProcessId: 5 } });
    expect(event).toMatchObject({
      logsource: { product: 'windows', category: 'process_creation', service: 'sysmon' },
      recordId: 571146,
      time: Date.parse('2025-11-27T07:40:10.165Z'),
      eventId: 1,
    });
    expect(event.fields).toMatchObject({
      Provider_Name: 'Microsoft-Windows-Sysmon',
      Execution_ProcessID: 788,
      EventID: 1,
      Channel: 'Microsoft-Windows-Sysmon/Operational',
      Computer: 'pc1',
      Image: 'C:\\a.exe',
      ProcessId: 5,
    });
  });
  test('an event id with qualifiers, and names with spaces', () => {
    const system = { EventID: { '#attributes': { Qualifiers: 0 }, '#text': '1119' }, Channel: 'X' };
    const event = normalise(system, { EventData: { '#attributes': { Name: 'n' }, 'Threat Name': 'EICAR' } });
    expect(event.eventId).toBe(1119);
    expect(event.fields['EventID']).toBe('1119');
    expect(event.fields['ThreatName']).toBe('EICAR');
  });
  test('values without a name are lines of Data', () => {
    const event = normalise({}, { EventData: { Data: { '#text': ['one', 'two'] } } });
    expect(event.fields['Data']).toBe('one\ntwo');
  });
  test('UserData is read at its leaves', () => {
    const data = {
      UserData: { LogFileCleared: { '#attributes': { xmlns: 'x' }, SubjectUserName: 'eve', Channel: 'S' } },
    };
    expect(normalise({}, data).fields).toMatchObject({ SubjectUserName: 'eve' });
  });
  test("the Security log's process start also has Sysmon's names", () => {
    const data = { NewProcessName: 'C:\\c.exe', NewProcessId: '0x9', ParentProcessName: 'C:\\p.exe', ProcessId: '0x5' };
    const event = normalise({ EventID: 4688, Channel: 'Security' }, { EventData: data });
    expect(event.logsource).toEqual({ product: 'windows', category: 'process_creation', service: 'security' });
    expect(event.fields).toMatchObject({
      ...data,
      Image: 'C:\\c.exe',
      ParentImage: 'C:\\p.exe',
      ProcessId: '0x9',
      ParentProcessId: '0x5',
    });
  });
});

test.each([
  ['Microsoft-Windows-Sysmon/Operational', 13, 'SetValue', 'sysmon', 'registry_set'],
  ['Microsoft-Windows-Sysmon/Operational', 12, 'CreateKey', 'sysmon', 'registry_add'],
  ['Microsoft-Windows-Sysmon/Operational', 12, 'DeleteValue', 'sysmon', 'registry_delete'],
  ['Microsoft-Windows-Sysmon/Operational', 9999, undefined, 'sysmon', undefined],
  ['Security', 4624, undefined, 'security', undefined],
  ['security', 1, undefined, 'security', undefined],
  ['Microsoft-Windows-PowerShell/Operational', 4104, undefined, 'powershell', 'ps_script'],
  ['PowerShellCore/Operational', 4103, undefined, 'powershell', 'ps_module'],
  ['Windows PowerShell', 400, undefined, 'powershell-classic', 'ps_classic_start'],
  ['Microsoft-Windows-Windows Defender/Operational', 1116, undefined, 'windefend', undefined],
  ['Something else', 1, undefined, undefined, undefined],
])('%s event %i (%s)', (channel, eventId, eventType, service, category) => {
  expect(windowsLogSource(channel, eventId, eventType)).toEqual({
    product: 'windows',
    ...(category === undefined ? {} : { category }),
    ...(service === undefined ? {} : { service }),
  });
});

describe('what is no Windows event is said, not thrown', () => {
  test.each([
    null,
    undefined,
    5,
    'x',
    [],
    {},
    { Event: null },
    { Event: { System: [] } },
    { Event: { System: { Channel: 'Security' } } },
    { Event: { System: { Channel: 'Security', EventID: 'x' } } },
    { Event: { System: { Channel: {}, EventID: 1 } } },
  ])('%j', (record) => {
    expect(normaliseWindowsEvent(record)).toEqual({ ok: false, code: 'not_a_windows_event' });
  });
  test('too many fields', () => {
    const data = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, 1]));
    expect(normaliseWindowsEvent({ Event: { System: SYSTEM, EventData: data } })).toMatchObject({
      code: 'too_many_fields',
    });
  });
  test('a deep or poisoned UserData', () => {
    let deep: object = { leaf: 1 };
    for (let i = 0; i < 10_000; i += 1) deep = { deep };
    const poisoned = JSON.parse('{"__proto__":{"polluted":"x"},"constructor":"y"}') as object;
    const event = normalise({}, { UserData: deep, EventData: poisoned });
    expect(event.fields['constructor']).toBe('y');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
