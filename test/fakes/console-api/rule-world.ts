import type { RuleRow } from '@yagura/console/api/index.ts';
import type { Severity } from '@yagura/protocol';
import type { World } from './world.ts';

const DAY_MS = 86_400_000;
const PACK = { kind: 'pack', sha256: 'c0ffee'.padEnd(64, '0'), name: 'SigmaHQ core', version: 'r2026-11-01' } as const;

/** Rules as the public corpus names them. */
const PUBLISHED: readonly (readonly [title: string, level: Severity, technique: string, author: string])[] = [
  ['Linux Base64 Encoded Pipe to Shell', 'medium', 'T1140', 'pH-T (Nextron Systems)'],
  [
    'Suspicious Curl File Upload - Linux',
    'medium',
    'T1567',
    'Nasreddine Bencherchali (Nextron Systems), Cedric MAURUGEON (Update)',
  ],
  ['Potential Linux Process Code Injection Via DD Utility', 'medium', 'T1055.009', 'Joseph Kamau'],
  ['Scheduled Cron Task/Job - Linux', 'medium', 'T1053.003', 'Alejandro Ortuno, oscd.community'],
  ['Disabling Security Tools', 'medium', 'T1562.004', 'Ömer Günal, Alejandro Ortuno, oscd.community'],
  ['Clear Linux Logs', 'medium', 'T1070.002', 'Ömer Günal, oscd.community'],
  ['Triple Cross eBPF Rootkit Execve Hijack', 'high', 'T1014', 'Nasreddine Bencherchali (Nextron Systems)'],
  ['Download File To Potentially Suspicious Directory Via Wget', 'medium', 'T1105', 'Joseph Kamau'],
];

/** What agents bring and what a pack adds, with words of the length that they really have. */
export function addRules(world: World): void {
  const own = (rule: Pick<RuleRow, 'ruleId' | 'title' | 'severity' | 'detections'> & Partial<RuleRow>): RuleRow => ({
    source: 'sigma',
    confidence: 'high',
    techniques: ['T1059.004'],
    tactics: ['execution', 'command-and-control'],
    system: 'linux',
    canFire: true,
    author: 'Yagura',
    licence: 'DRL-1.1',
    origin: { kind: 'built-in' },
    ...rule,
  });
  world.rules.push(
    own({
      ruleId: 'yagura.behaviour.reverse-shell',
      title: 'Shell whose input and output lead to the network',
      localTitle: {
        ja: '外部から遠隔操作されるシェル（リバースシェル）',
        en: 'Shell whose input and output lead to the network',
      },
      explanation: {
        ja: 'プログラムが外部の機器へ接続した直後に、その接続を入出力とするコマンド画面（シェル）が開きました。離れた場所の第三者が、この機器でコマンドを自由に実行できる状態です。',
        en: 'Right after a program connected to another machine, a command shell opened that reads from and writes to that connection. Someone elsewhere can run any command on this machine.',
      },
      advice: {
        ja: '電源は切らずに、ネットワークから切り離してください。同じ時間帯に保守作業を頼んでいないかを確認し、当窓口へお電話ください。',
        en: 'Leave the power on and take the machine off the network. Check whether maintenance was ordered for this time, and call the help desk.',
      },
      severity: 'critical',
      source: 'behaviour',
      detections: 1,
    }),
    own({
      ruleId: 'yagura-cron-from-writable-folder',
      title: 'Cron job that runs a program from a writable folder',
      localTitle: {
        ja: '誰でも書き込めるフォルダーのプログラムを定期実行する設定',
        en: 'Cron job that runs a program from a writable folder',
      },
      severity: 'high',
      techniques: ['T1053.003'],
      tactics: ['persistence'],
      detections: 14,
    }),
    own({
      ruleId: 'yagura-account-added',
      title: 'Account added to the administrators',
      localTitle: { ja: '管理者の追加', en: 'Account added to the administrators' },
      severity: 'medium',
      techniques: ['T1098', 'T1136.001', 'T1078'],
      detections: 0,
    }),
    ...PUBLISHED.map(
      ([title, severity, technique, author], index): RuleRow => ({
        ruleId: `3e2f1d1a-0000-4000-8000-00000000000${index}`,
        title,
        source: 'sigma',
        severity,
        confidence: 'medium',
        techniques: [technique],
        tactics: ['execution'],
        system: index === 6 ? 'windows' : 'linux',
        canFire: index !== 6,
        author,
        licence: 'DRL-1.1',
        reference: `https://github.com/SigmaHQ/sigma/blob/master/rules/linux/process_creation/rule_${index}.yml`,
        origin: PACK,
        detections: index * 3,
      }),
    ),
  );
}

/** Two changes that people made: one for all machines, one for a single one. */
export function addTunings(world: World): void {
  const [first] = world.endpoints;
  if (first === undefined) return;
  const now = world.startedAt;
  const endpoints = world.endpoints.length;
  world.tunings.push(
    {
      tuningId: 'tuning-1',
      ruleId: 'yagura-cron-from-writable-folder',
      ruleTitle: '誰でも書き込めるフォルダーのプログラムを定期実行する設定',
      change: { kind: 'level', level: 'informational' },
      owner: '総務 田中',
      reason: '会計ソフトの夜間バックアップが、毎晩 /var/tmp から実行されるため',
      createdAt: now - 10 * DAY_MS,
      expiresAt: now + 20 * DAY_MS + 3_600_000,
      endpoint: { endpointId: first.endpointId, name: first.displayName },
      matches: 21,
    },
    {
      tuningId: 'tuning-2',
      ruleId: '3e2f1d1a-0000-4000-8000-000000000003',
      ruleTitle: 'Scheduled Cron Task/Job - Linux',
      change: { kind: 'disable' },
      owner: '総務 田中',
      reason: '保守会社の点検で毎日検知されるため',
      createdAt: now - DAY_MS,
      expiresAt: now + 89 * DAY_MS,
      progress: { endpoints, done: endpoints - 1, failed: 0 },
      matches: 1_204,
    },
  );
}
