import { LIMITS, type SensorHealth } from '@yagura/protocol';
import type { FollowedFiles } from './files/follow-files.ts';
import type { FollowedJournal } from './journal/follow-journal.ts';

const MAX_NAMED = 20;

interface HealthParts {
  readonly files: Pick<FollowedFiles, 'read' | 'problems' | 'missing'>;
  readonly journal: Pick<FollowedJournal, 'state' | 'reason'>;
  /** Positions that did not reach the disk. */
  readonly unsaved: number;
}

/** Which logs exist, are read, are missing or cannot be read, in a sentence for the operator. */
export function describeHealth({
  files,
  journal,
  unsaved,
}: HealthParts): Pick<SensorHealth, 'state' | 'code' | 'detail'> {
  const read = [...(journal.state === 'active' ? ['journald'] : []), ...files.read];
  const problems = [...files.problems].map(([path, code]) => `${path} (${code})`);
  const sentences = [
    `Read: ${listOf(read)}.`,
    ...(problems.length > 0 ? [`Cannot be read: ${listOf(problems)}.`] : []),
    ...(journal.state === 'failing' ? [`journalctl fails: ${journal.reason ?? 'unknown'}.`] : []),
    ...(unsaved > 0 ? ['How far logs were read could not be saved: a restart may read lines again.'] : []),
    ...(files.missing.length > 0 ? [`Not on this machine: ${listOf(files.missing.map(({ name }) => name))}.`] : []),
  ];
  const detail = sentences.join(' ').slice(0, LIMITS.text);
  if (journal.state === 'failing') return { state: 'degraded', code: 'journal_unreadable', detail };
  if (problems.length > 0) return { state: 'degraded', code: 'log_unreadable', detail };
  const isWithoutLogons = journal.state !== 'active' && files.missing.some(({ name }) => name === 'authentication');
  if (isWithoutLogons) return { state: 'degraded', code: 'no_authentication_log', detail };
  return { state: 'active', detail };
}

function listOf(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
