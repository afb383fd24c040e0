import type { RuleLogSource } from './rule-ast.ts';

/** Sigma's `registry_event` stands for every kind of change that has a category of its own. */
const WIDER_CATEGORY: ReadonlyMap<string, string> = new Map([
  ['registry_add', 'registry_event'],
  ['registry_set', 'registry_event'],
  ['registry_delete', 'registry_event'],
  ['registry_rename', 'registry_event'],
]);

/**
 * Sigma's services of Linux name files (`auth`: auth.log or secure; `syslog`: syslog or messages) and programs
 * that write into them (`sshd`). A rule about the file means the programs too.
 */
const WIDER_SERVICE: ReadonlyMap<string, string> = new Map([
  ['sshd', 'auth'],
  ['sudo', 'auth'],
  ['cron', 'syslog'],
  ['clamav', 'syslog'],
  ['vsftpd', 'syslog'],
  ['guacamole', 'syslog'],
]);

export interface EventLogSource {
  readonly product: string;
  readonly category?: string | undefined;
  readonly service?: string | undefined;
}

/** Whether events of this source are meant: each attribute that the rule gives must be the event's. */
export function logSourceMatches(rule: RuleLogSource, event: EventLogSource): boolean {
  if (rule.product !== undefined && rule.product !== event.product) return false;
  if (rule.service !== undefined && !serviceMatches(rule.service, event)) return false;
  if (rule.category === undefined || rule.category === event.category) return true;
  return event.category !== undefined && WIDER_CATEGORY.get(event.category) === rule.category;
}

function serviceMatches(service: string, event: EventLogSource): boolean {
  if (service === event.service) return true;
  return event.product === 'linux' && event.service !== undefined && WIDER_SERVICE.get(event.service) === service;
}
