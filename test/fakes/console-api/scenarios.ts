import type { EndpointDetail, IncidentDetail, ServiceLane } from '@yagura/console/api/index.ts';
import type { SensorHealth, Story, SuspendedRule } from '@yagura/protocol';
import {
  eicarStory,
  hostileStory,
  observedStory,
  partialStory,
  reverseShellStory,
  type StorySeed,
} from './incident-stories.ts';
import { addRules, addTunings } from './rule-world.ts';
import { emptyWorld, record, type World } from './world.ts';

export const SCENARIOS = ['calm', 'busy', 'empty', 'hostile', 'huge'] as const;
export type Scenario = (typeof SCENARIOS)[number];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const PRICE = 2_000;

const NAMES = [
  ['経理のパソコン', 'keiri-pc01'],
  ['受付のパソコン', 'uketsuke-pc'],
  ['営業01', 'eigyo-pc01'],
  ['営業02', 'eigyo-pc02'],
  ['営業05', 'eigyo-pc05'],
  ['社長のノート', 'shacho-note'],
  ['倉庫の端末', 'souko-01'],
  ['ファイルサーバー', 'files-01'],
  ['Webサーバー', 'web-01.example.co.jp'],
  ['設計 佐藤さん', 'sekkei-sato'],
  ['設計 鈴木さん', 'sekkei-suzuki'],
  ['backup-01', 'backup-01'],
] as const;

/** Set aside by an endpoint because they took too much time. */
function suspended(now: number): SuspendedRule[] {
  const until = now + 6 * MINUTE;
  return [
    {
      ruleId: '3e2f1d1a-0000-4000-8000-000000000000',
      title: 'Linux Base64 Encoded Pipe to Shell',
      since: now - 14 * MINUTE,
      until: now + 2 * MINUTE,
      times: 3,
    },
    { ruleId: 'own-long-expression', title: '長い正規表現のルール', since: now - 4 * MINUTE, until, times: 1 },
  ];
}

function sensors(state: EndpointDetail['state']): SensorHealth[] {
  const blind = state === 'degraded';
  return [
    blind
      ? {
          name: 'linux-audit',
          state: 'degraded',
          code: 'audit_locked',
          detail: 'auditctl reports enabled 2; a restart of the machine is needed',
          events: 120_334,
          lost: 41,
        }
      : { name: 'linux-audit', state: 'active', events: 120_334, lost: 0 },
    { name: 'linux-files', state: 'active', events: 4_882_104, lost: 0 },
    { name: 'linux-processes', state: 'active', events: 88_120, lost: 0 },
    { name: 'linux-logs', state: 'active', events: 3_118, lost: 0 },
    { name: 'linux-persistence', state: 'active', events: 6, lost: 0 },
    { name: 'scanner', state: 'active', events: 0, lost: 0 },
  ];
}

function endpoint(world: World, name: string, hostname: string, state: EndpointDetail['state'], number: number): void {
  const now = world.startedAt;
  const lastSeenAt = state === 'offline' ? now - 3 * DAY - number * HOUR : now - 20_000 - number * 500;
  const endpointId = `endpoint-${String(number).padStart(5, '0')}`;
  world.endpoints.push({
    endpointId,
    displayName: name,
    hostname,
    platform: number % 7 === 5 ? 'windows' : number % 11 === 7 ? 'macos' : 'linux',
    state,
    policy: number % 5 === 3 ? 'observe' : 'balanced',
    agentVersion: '0.1.0',
    enrolledAt: now - 60 * DAY - number * HOUR,
    lastSeenAt,
    openIncidents: 0,
    severeIncidents: 0,
    certificateExpiresAt: now + 21 * DAY,
    seatStartedAt: now - 60 * DAY,
    health: {
      time: lastSeenAt,
      agentVersion: '0.1.0',
      policy: number % 5 === 3 ? 'observe' : 'balanced',
      sensors: sensors(state),
      rules: {
        loaded: 1_284,
        rejected: state === 'degraded' ? 3 : 0,
        ...(state === 'degraded' ? { suspended: suspended(now) } : {}),
      },
      spool: {
        alerts: 0,
        telemetry: state === 'offline' ? 12_881 : 14,
        bytes: state === 'offline' ? 8_812_331 : 9_120,
        shed: 0,
      },
      suppressed: number === 1 ? 4 : 0,
      exclusionsVersion: 1,
    },
    inventory: {
      time: now - DAY,
      platform: 'linux',
      hostname,
      osName: 'Ubuntu',
      osVersion: '26.04 LTS',
      kernel: '6.18.0-12-generic',
      architecture: 'x64',
      cpu: 'Intel Core i5-1340P',
      memoryBytes: 16_777_216_000,
      addresses: [`192.168.10.${(number % 250) + 1}`, 'fe80::a00:27ff:fe4e:66a1'],
    },
  });
  world.seats.push({
    seatId: `seat-${number}`,
    endpointId,
    displayName: name,
    hostname,
    startedAt: now - 60 * DAY - number * HOUR,
    amountYen: PRICE,
  });
}

/** Makes an incident of a story, as the console's alerts do. */
export function addIncident(
  world: World,
  machine: number,
  lane: ServiceLane,
  make: (seed: StorySeed) => Story,
  at: number,
): IncidentDetail {
  const owner = world.endpoints[machine];
  if (owner === undefined) throw new Error(`no endpoint ${machine}`);
  const number = world.incidents.length + 1;
  const story = make({ storyId: `story-${String(number).padStart(4, '0')}`, at });
  const leading = story.detections.at(-1)?.rule;
  const incident: IncidentDetail = {
    incidentId: `incident-${String(number).padStart(4, '0')}`,
    endpointId: owner.endpointId,
    endpointName: owner.displayName,
    hostname: owner.hostname,
    lane,
    severity: story.severity,
    containment: story.containment,
    safeTest: story.safeTest,
    status: 'open',
    title: { ja: (leading?.localTitle?.ja ?? '').slice(0, 256), en: (leading?.title ?? '').slice(0, 256) },
    detectionCount: story.detectionCount,
    occurredAt: at,
    receivedAt: at + 310,
    updatedAt: at + 900,
    story,
    orders: [],
    times: { endpoint: at, corrected: at + 12, received: at + 310, judged: at + 340 },
  };
  world.incidents.unshift(incident);
  recount(world);
  return incident;
}

/** Brings the counts of open incidents of each endpoint up to date. */
export function recount(world: World): void {
  for (const each of world.endpoints) {
    const open = world.incidents.filter((row) => row.endpointId === each.endpointId && row.status === 'open');
    each.openIncidents = open.length;
    each.severeIncidents = open.filter((row) => row.lane === 'severe').length;
  }
}

function close(incident: IncidentDetail, resolution: NonNullable<IncidentDetail['resolution']>, note: string): void {
  Object.assign(incident, {
    status: 'closed',
    resolution,
    closedAt: incident.updatedAt + HOUR,
    closedBy: '総務 田中',
    closeNote: note,
  });
}

function history(world: World): void {
  const now = world.startedAt;
  close(addIncident(world, 0, 'information', eicarStory, now - 40 * DAY), 'test', '導入時の確認');
  close(
    addIncident(world, 3, 'attention', observedStory, now - 9 * DAY),
    'false-positive',
    '保守業者（オフィスサポート）の作業',
  );
  close(addIncident(world, 8, 'severe', reverseShellStory, now - 2 * DAY), 'handled', 'Webサイトの部品を更新');
  recount(world);
  world.exclusions.push({
    exclusionId: 'exclusion-1',
    endpointId: 'endpoint-00001',
    endpointName: '経理のパソコン',
    match: { by: 'rule-path', ruleId: 'yagura-linux-remote-tool', path: '/opt/support/remote-helper' },
    owner: '総務 田中',
    reason: '会計ソフトの保守で使う遠隔操作ソフト',
    createdAt: now - 20 * DAY,
    expiresAt: now + 160 * DAY,
  });
  world.tokens.push(
    {
      tokenId: 'token-2',
      label: '経理のパソコン',
      createdAt: now - 60 * DAY,
      createdBy: '総務 田中',
      expiresAt: now - 57 * DAY,
      usedAt: now - 60 * DAY + HOUR,
      endpointId: 'endpoint-00001',
      state: 'used',
    },
    {
      tokenId: 'token-1',
      label: '',
      createdAt: now - 61 * DAY,
      createdBy: '総務 田中',
      expiresAt: now - 58 * DAY,
      state: 'expired',
    },
  );
  for (let index = 0; index < 60; index++) record(world, 'session.started', 'user-1');
  record(world, 'exclusion.added', 'endpoint-00001', '{"by":"rule-path","path":"/opt/support/remote-helper"}');
}

function office(world: World, stateOf: (number: number) => EndpointDetail['state']): void {
  NAMES.forEach(([name, hostname], index) => endpoint(world, name, hostname, stateOf(index + 1), index + 1));
}

function hostile(world: World): void {
  office(world, () => 'watching');
  const evil = '<b onclick=alert(1)>経理</b>\u202Egnp.\n\t{{name}} =HYPERLINK("x")';
  const target = world.endpoints[0];
  if (target !== undefined)
    Object.assign(target, { displayName: evil, hostname: `${'long-host-name-'.repeat(12)}\u200B.local` });
  if (target?.health !== undefined) {
    const times = { since: world.startedAt - MINUTE, until: world.startedAt + MINUTE, times: 1 };
    target.health.rules.suspended = [
      { ruleId: 'evil', title: evil, ...times },
      { ruleId: 'long', title: 'x'.repeat(256), ...times },
    ];
  }
  const seat = world.seats[0];
  if (seat !== undefined) seat.displayName = evil;
  addIncident(world, 0, 'severe', hostileStory, world.startedAt - 5 * MINUTE);
  world.exclusions.push({
    exclusionId: 'exclusion-1',
    endpointId: 'endpoint-00001',
    endpointName: evil,
    match: { by: 'rule-path', ruleId: 'rule-1', path: `/tmp/${evil}` },
    owner: evil,
    reason: evil,
    createdAt: world.startedAt,
    expiresAt: world.startedAt + DAY,
  });
  record(world, evil, evil, evil);
  addRules(world);
  const [rule] = world.rules;
  if (rule !== undefined) Object.assign(rule, { title: evil, localTitle: { ja: evil, en: evil }, author: evil });
  world.tunings.push({
    tuningId: 'tuning-1',
    ruleId: rule?.ruleId ?? 'rule-1',
    ruleTitle: evil,
    change: { kind: 'disable' },
    owner: evil,
    reason: evil,
    createdAt: world.startedAt,
    expiresAt: world.startedAt + DAY,
    endpoint: { endpointId: 'endpoint-00001', name: evil },
    matches: 3,
  });
}

/** Builds one of the worlds in which the screens are looked at. Times count back from `now`. */
export function buildScenario(scenario: Scenario, now: number): World {
  const world = emptyWorld(now);
  switch (scenario) {
    case 'empty':
      break;
    case 'calm':
      office(world, () => 'watching');
      history(world);
      addRules(world);
      break;
    case 'busy':
      office(world, (number) => (number === 5 ? 'offline' : number === 8 ? 'degraded' : 'watching'));
      history(world);
      addRules(world);
      addTunings(world);
      addIncident(world, 5, 'information', eicarStory, now - 26 * HOUR);
      addIncident(world, 2, 'attention', observedStory, now - 3 * HOUR);
      addIncident(world, 7, 'severe', partialStory, now - 50 * MINUTE);
      addIncident(world, 8, 'severe', reverseShellStory, now - 12 * MINUTE);
      break;
    case 'hostile':
      hostile(world);
      break;
    case 'huge':
      for (let number = 1; number <= 10_000; number++) {
        const state = number % 97 === 0 ? 'offline' : number % 211 === 0 ? 'degraded' : 'watching';
        endpoint(
          world,
          `端末 ${String(number).padStart(5, '0')}`,
          `pc-${String(number).padStart(5, '0')}`,
          state,
          number,
        );
      }
      for (let index = 0; index < 1_500; index++) {
        addIncidentFast(world, index);
      }
      recountOnce(world);
      break;
  }
  return world;
}

const LANES = ['information', 'attention', 'severe'] as const;
function addIncidentFast(world: World, index: number): void {
  const make = [eicarStory, observedStory, reverseShellStory][index % 3] ?? eicarStory;
  const owner = world.endpoints[index * 3];
  if (owner === undefined) return;
  const at = world.startedAt - index * 7 * MINUTE;
  const story = make({ storyId: `story-${index}`, at });
  const leading = story.detections.at(-1)?.rule;
  world.incidents.push({
    incidentId: `incident-${index}`,
    endpointId: owner.endpointId,
    endpointName: owner.displayName,
    hostname: owner.hostname,
    lane: LANES[index % 3] ?? 'information',
    severity: story.severity,
    containment: story.containment,
    safeTest: story.safeTest,
    status: 'open',
    title: { ja: leading?.localTitle?.ja ?? '', en: leading?.title ?? '' },
    detectionCount: story.detectionCount,
    occurredAt: at,
    receivedAt: at,
    updatedAt: at,
    story,
    orders: [],
    times: { endpoint: at, corrected: at, received: at, judged: at },
  });
}

function recountOnce(world: World): void {
  const byId = new Map(world.endpoints.map((each) => [each.endpointId, each]));
  for (const row of world.incidents) {
    const owner = byId.get(row.endpointId);
    if (owner === undefined) continue;
    owner.openIncidents += 1;
    if (row.lane === 'severe') owner.severeIncidents += 1;
  }
}
