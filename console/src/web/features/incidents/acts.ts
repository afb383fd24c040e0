import type { Detection } from '@yagura/protocol';

/**
 * What a program or file did, as far as a person without knowledge of security needs to know it. The order
 * is the order of precedence: what is named first says more about the danger.
 */
export const ACTS = [
  'safe-test',
  'ransomware',
  'remote-shell',
  'credential-theft',
  'known-malware',
  'fileless',
  'injection',
  'defence-disabled',
  'log-cleared',
  'new-account',
  'ssh-key',
  'scheduled-start',
  'service-start',
  'persistence',
  'web-shell',
  'privilege',
  'download',
  'masquerade',
  'office-macro',
  'lateral',
  'exfiltration',
  'mining',
  'remote-tool',
  'command-server',
  'brute-force',
  'collection',
  'script',
  'hidden',
  'discovery',
  'impact',
  'execution',
  'suspicious',
] as const;
export type Act = (typeof ACTS)[number];

/** ATT&CK techniques; a sub-technique that is not listed counts as its parent. */
const ACT_OF_TECHNIQUE: Readonly<Record<string, Act>> = {
  T1486: 'ransomware',
  T1490: 'ransomware',
  T1003: 'credential-theft',
  T1552: 'credential-theft',
  T1555: 'credential-theft',
  T1539: 'credential-theft',
  T1056: 'credential-theft',
  T1620: 'fileless',
  T1055: 'injection',
  T1574: 'injection',
  T1562: 'defence-disabled',
  T1685: 'defence-disabled',
  T1070: 'hidden',
  'T1070.001': 'log-cleared',
  'T1070.002': 'log-cleared',
  'T1070.003': 'log-cleared',
  T1136: 'new-account',
  T1098: 'new-account',
  'T1098.004': 'ssh-key',
  T1053: 'scheduled-start',
  T1543: 'service-start',
  T1547: 'persistence',
  T1546: 'persistence',
  T1037: 'persistence',
  'T1505.003': 'web-shell',
  T1548: 'privilege',
  T1068: 'privilege',
  T1105: 'download',
  T1036: 'masquerade',
  T1566: 'office-macro',
  'T1204.002': 'office-macro',
  T1021: 'lateral',
  T1570: 'lateral',
  T1041: 'exfiltration',
  T1048: 'exfiltration',
  T1567: 'exfiltration',
  T1496: 'mining',
  T1219: 'remote-tool',
  T1071: 'command-server',
  T1090: 'command-server',
  T1095: 'command-server',
  T1571: 'command-server',
  T1572: 'command-server',
  T1573: 'command-server',
  T1110: 'brute-force',
  T1005: 'collection',
  T1560: 'collection',
  T1059: 'script',
  T1027: 'hidden',
  T1140: 'hidden',
  T1564: 'hidden',
  T1485: 'impact',
  T1489: 'impact',
  T1529: 'impact',
  T1531: 'impact',
};

const ACT_OF_TACTIC: Readonly<Record<string, Act>> = {
  'credential-access': 'credential-theft',
  'command-and-control': 'command-server',
  'lateral-movement': 'lateral',
  exfiltration: 'exfiltration',
  persistence: 'persistence',
  'privilege-escalation': 'privilege',
  'defense-evasion': 'hidden',
  collection: 'collection',
  impact: 'impact',
  discovery: 'discovery',
  execution: 'execution',
};

const SHELL_TECHNIQUE = /^T1059(\.|$)/;
const CHANNEL_TECHNIQUE = /^T(1071|1095|1571|1572|1573)(\.|$)/;

function strongest(acts: readonly Act[]): Act | undefined {
  return ACTS.find((act) => acts.includes(act));
}

/** What one detection says was done, from codes only: never from a title's words. */
export function actOf(detection: Pick<Detection, 'rule' | 'event'>): Act {
  const { source, techniques, tactics } = detection.rule;
  if (source === 'indicator' || source === 'yara') return 'known-malware';
  const shell = techniques.some((id) => SHELL_TECHNIQUE.test(id));
  if (shell && (techniques.some((id) => CHANNEL_TECHNIQUE.test(id)) || tactics.includes('command-and-control'))) {
    // A shell whose other end is on the network; a mere download carries T1105 beside.
    if (!techniques.some((id) => id.startsWith('T1105'))) return 'remote-shell';
  }
  const byTechnique = techniques.flatMap((id) => ACT_OF_TECHNIQUE[id] ?? ACT_OF_TECHNIQUE[id.slice(0, 5)] ?? []);
  const byTactic = tactics.flatMap((name) => ACT_OF_TACTIC[name] ?? []);
  return strongest(byTechnique) ?? strongest(byTactic) ?? 'suspicious';
}
