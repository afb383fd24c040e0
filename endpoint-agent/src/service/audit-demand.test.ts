import { expect, test } from 'vitest';
import { ruleText } from '../../../test/fakes/sigma-rule.ts';
import { createSigmaEvaluator, type SigmaRule } from '../core/index.ts';
import type { AuditDemand } from '../sensors/linux/audit/raw/audit-demand.ts';
import { auditDemandOf, createDemandFeed } from './audit-demand.ts';

const AUDITD = { product: 'linux', service: 'auditd' };
const NOTHING = { records: {}, syscalls: [], anySyscall: false, names: [] };

function rulesOf(detection: string, logsource: Readonly<Record<string, string>> = AUDITD): readonly SigmaRule[] {
  const { rules, rejected } = createSigmaEvaluator([{ file: 'r.yml', text: ruleText(detection, '', logsource) }]);
  expect(rejected).toEqual([]);
  return rules;
}

test('rules for other logs ask for nothing', () => {
  const detection = 'sel:\n    type: EXECVE\ncondition: sel';
  expect(auditDemandOf([])).toEqual(NOTHING);
  expect(auditDemandOf(rulesOf(detection, { product: 'linux', category: 'process_creation' }))).toEqual(NOTHING);
  expect(auditDemandOf(rulesOf(detection, { product: 'linux' }))).toEqual(NOTHING);
});

test.each<[string, AuditDemand]>([
  ['sel:\n    type: execve\n    a0: x\ncondition: sel', { ...NOTHING, records: { EXECVE: ['a0'] } }],
  [
    'sel:\n    type: SYSCALL\n    SYSCALL: [Personality, sysinfo]\n    exe: x\ncondition: sel',
    { ...NOTHING, records: { SYSCALL: ['SYSCALL', 'exe'] }, syscalls: ['personality', 'sysinfo'] },
  ],
  [
    'sel:\n    type: SYSCALL\n    comm: x\ncondition: sel',
    { ...NOTHING, records: { SYSCALL: ['comm'] }, anySyscall: true },
  ],
  [
    "sel:\n    type: PATH\n    name: ['/etc/x', '/etc/*release']\ncondition: sel",
    { ...NOTHING, records: { PATH: ['name'] }, names: ['/etc/x', 'release'] },
  ],
  [
    'sel:\n    type: PATH\n    nametype: CREATE\ncondition: sel',
    { ...NOTHING, records: { PATH: ['nametype'] }, names: 'any' },
  ],
  ['sel:\n    type: ADD_USER\ncondition: sel', { ...NOTHING, records: { ADD_USER: [] } }],
  ['sel:\n    type: NO_SUCH_TYPE\ncondition: sel', NOTHING],
  // Which types it means follows from the fields: arguments beyond the fourth are in no other record.
  ['sel:\n    a5: x\ncondition: sel', { ...NOTHING, records: { EXECVE: ['a5'] } }],
])('%j', (detection, expected) => {
  expect(auditDemandOf(rulesOf(detection))).toEqual(expected);
});

test('a keyword may stand in every field', () => {
  const rules = rulesOf("sel:\n    type: EXECVE\nkeys:\n    - 'word'\ncondition: sel and keys");
  expect(auditDemandOf(rules).records).toEqual({ EXECVE: 'any' });
});

test('the sensors are told when other rules are loaded, and only if they ask for something else', () => {
  const told: AuditDemand[] = [];
  const own: { rules: readonly SigmaRule[] } = { rules: [] };
  const pack: { rules: readonly SigmaRule[] } = { rules: rulesOf('sel:\n    type: EXECVE\n    a0: x\ncondition: sel') };
  const feed = createDemandFeed([own, pack], (demand) => told.push(demand));
  feed.refresh();
  feed.refresh();
  expect(told.map(({ records }) => records)).toEqual([{ EXECVE: ['a0'] }]);
  pack.rules = rulesOf('sel:\n    type: EXECVE\n    a0: other\ncondition: sel');
  feed.refresh();
  expect(told).toHaveLength(1);
  own.rules = rulesOf('sel:\n    type: ADD_USER\ncondition: sel');
  feed.refresh();
  pack.rules = [];
  feed.refresh();
  expect(told.slice(1).map(({ records }) => Object.keys(records).toSorted())).toEqual([
    ['ADD_USER', 'EXECVE'],
    ['ADD_USER'],
  ]);
});

test('without rules for the raw log the sensors are told nothing', () => {
  const told: AuditDemand[] = [];
  createDemandFeed([{ rules: [] }], (demand) => told.push(demand)).refresh();
  expect(told).toEqual([]);
});
