import type { EventFields } from '@yagura/protocol';
import type { LiveProcessTable } from '../../../state/create-process-table.ts';
import { FORK_SERVICE } from '../../../state/create-process-table.ts';
import type { Observation } from '../../sensor.ts';
import { TAMPER_SERVICE } from './source.ts';

const MAX_ANCESTORS = 32;

type Fields = Record<string, EventFields[string]>;

/**
 * Applies an observation to the process table and adds what only the table knows: the parent's image and
 * command line, the image and user of a file's writer. Undefined for those that concern the table alone.
 */
export function enrich(observation: Observation, table: LiveProcessTable): Observation | undefined {
  const record = table.apply(observation);
  const { category, service } = observation.logsource;
  if (service === FORK_SERVICE) return undefined;
  if (category === 'process_creation') {
    if (!record) return observation;
    // The process that forked it, also when that one has ended and pid 1 has taken its place.
    const parent = record.parentEntityId === undefined ? undefined : table.get(record.parentEntityId);
    const parentPid = parent?.pid ?? observation.parentPid;
    const enriched: Observation = {
      ...observation,
      ...(parentPid === undefined ? {} : { parentPid }),
      fields: {
        ...observation.fields,
        ...field('ParentProcessId', parentPid),
        ...field('ParentImage', parent?.image),
        ...field('ParentCommandLine', parent?.commandLine),
        ...field('ParentUser', parent?.user),
      },
    };
    table.adopt(enriched, record);
    return enriched;
  }
  if (isOwnAffair(observation, table)) return undefined;
  if (category === 'process_termination' && record?.startedAt !== undefined) {
    const ended: Observation = {
      ...observation,
      fields: {
        ...actor(observation, table),
        ...observation.fields,
        Duration: Math.max(0, observation.time - record.startedAt),
      },
    };
    table.adopt(ended, record);
    return ended;
  }
  const added =
    category === 'process_access'
      ? target(observation, table)
      : service === TAMPER_SERVICE
        ? tamperer(observation, table)
        : actor(observation, table);
  if (Object.keys(added).length === 0) return observation;
  // What the kernel said itself stands.
  const enriched: Observation = { ...observation, fields: { ...added, ...observation.fields } };
  if (record) table.adopt(enriched, record);
  return enriched;
}

function actor(observation: Observation, table: LiveProcessTable): Fields {
  if (observation.pid === undefined) return {};
  const record = table.at(observation.pid, observation);
  return { ...field('Image', record?.image), ...field('User', record?.user) };
}

/**
 * What is done a thousand times a day and harms nobody else: a process that ends or stops its own children, and
 * one of root's that becomes root again after it had stepped down for a moment.
 */
function isOwnAffair(observation: Observation, table: LiveProcessTable): boolean {
  const { pid, fields } = observation;
  if (pid === undefined) return false;
  const source = table.at(pid, observation);
  if (fields['EventType'] === 'set_user') return source?.user === fields['NewUser'];
  if (fields['GrantedAccess'] !== 'SIGKILL' && fields['GrantedAccess'] !== 'SIGSTOP') return false;
  const targetPid = fields['TargetProcessId'];
  const target = typeof targetPid === 'number' ? table.at(targetPid, observation) : undefined;
  if (!source || !target) return false;
  const above = table.ancestors(target.entityId, MAX_ANCESTORS);
  return above.some(({ entityId }) => entityId === source.entityId);
}

/** Who turned against the sensor, so that a rule can tell an attack from the machine's own start of auditd. */
function tamperer(observation: Observation, table: LiveProcessTable): Fields {
  if (observation.pid === undefined) return {};
  const record = table.at(observation.pid, observation);
  const parent = record?.parentEntityId === undefined ? undefined : table.get(record.parentEntityId);
  return {
    ...actor(observation, table),
    ...field('CommandLine', record?.commandLine),
    ...field('ParentImage', parent?.image),
    ...field('ParentCommandLine', parent?.commandLine),
  };
}

function target(observation: Observation, table: LiveProcessTable): Fields {
  const pid = observation.fields['TargetProcessId'];
  if (typeof pid !== 'number') return {};
  const record = table.at(pid, observation);
  return { ...field('TargetImage', record?.image), ...field('TargetUser', record?.user) };
}

function field(name: string, value: string | number | undefined): Fields {
  return value === undefined ? {} : { [name]: value };
}
