import { type Event, LIMITS, type StoryProcess } from '@yagura/protocol';
import type { ProcessFacts } from '../process/process-lookup.ts';
import { shorten } from '../text/shorten.ts';
import type { StoryState } from './story-state.ts';

/** Long command lines are whole in telemetry; a story of 200 processes has to fit into one frame. */
const COMMAND_LINE_UNITS = 4_096;
const MAX_PID = 2 ** 31;

/** What is known of the process of an event, from the process table first and from the event itself else. */
export function factsOfEvent(event: Event, known: ProcessFacts | undefined): ProcessFacts | undefined {
  const { entityId } = event;
  if (entityId === undefined) return undefined;
  const { Image, CommandLine, User, ProcessId } = event.fields;
  const isStart = event.logsource.category === 'process_creation';
  return {
    entityId,
    pid: known?.pid ?? (typeof ProcessId === 'number' ? ProcessId : 0),
    parentEntityId: known?.parentEntityId ?? event.parentEntityId,
    parentPid: known?.parentPid,
    image: known?.image ?? (typeof Image === 'string' ? Image : undefined),
    commandLine: known?.commandLine ?? (isStart && typeof CommandLine === 'string' ? CommandLine : undefined),
    user: known?.user ?? (typeof User === 'string' ? User : undefined),
    startedAt: known?.startedAt ?? (isStart ? event.time : undefined),
    endedAt: known?.endedAt,
  };
}

/**
 * Adds or updates a process. A process of the story never becomes mere context again; what the story knows
 * and the table has forgotten stays. Returns whether anything changed.
 */
export function addProcess(state: StoryState, facts: ProcessFacts, context: boolean): boolean {
  const before = state.processes.get(facts.entityId);
  const after = storyProcess(facts, before, context);
  if (before !== undefined) {
    const changed = (Object.keys(after) as (keyof StoryProcess)[]).some((key) => after[key] !== before[key]);
    if (changed) state.processes.set(facts.entityId, after);
    return changed;
  }
  if (state.processes.size >= LIMITS.processesPerStory && !makeRoom(state, context)) return !context;
  state.processes.set(facts.entityId, after);
  return true;
}

/** The process ended. Returns whether the story knew it and did not know that. */
export function endProcess(state: StoryState, entityId: string, time: number): boolean {
  const process = state.processes.get(entityId);
  if (process === undefined || process.endedAt !== undefined) return false;
  const ended = process.state === 'killed' ? 'killed' : 'exited';
  state.processes.set(entityId, { ...process, state: ended, endedAt: time });
  return true;
}

function storyProcess(facts: ProcessFacts, before: StoryProcess | undefined, context: boolean): StoryProcess {
  const { entityId, pid, image, commandLine, user } = facts;
  const time = (value: number | undefined): number | undefined =>
    value !== undefined && value >= 0 && value <= 8_640_000_000_000_000 ? Math.round(value) : undefined;
  const known = {
    parentEntityId: facts.parentEntityId ?? before?.parentEntityId,
    image: image === undefined || image === '' ? before?.image : shorten(image, LIMITS.path),
    commandLine: commandLine === undefined ? before?.commandLine : shorten(commandLine, COMMAND_LINE_UNITS),
    user: user === undefined ? before?.user : shorten(user, LIMITS.shortText),
    startedAt: before?.startedAt ?? time(facts.startedAt),
    endedAt: time(facts.endedAt) ?? before?.endedAt,
  };
  const state = before?.state ?? 'running';
  const process: StoryProcess = {
    entityId,
    pid: Number.isInteger(pid) && pid >= 0 && pid < MAX_PID ? pid : 0,
    context: context && (before?.context ?? true),
    state: known.endedAt !== undefined && state !== 'killed' ? 'exited' : state,
  };
  return Object.assign(process, withoutUndefined(known));
}

function withoutUndefined(facts: Record<string, string | number | undefined>): Partial<StoryProcess> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Drops context, then the longest ended process without a detection; never a process that was detected. */
function makeRoom(state: StoryState, forContext: boolean): boolean {
  if (forContext) return false;
  const accused = new Set(state.detections.map(({ event }) => event.entityId));
  const isFree = ({ entityId }: StoryProcess): boolean => !accused.has(entityId) && !state.intendedRoots.has(entityId);
  const processes = [...state.processes.values()];
  const victim =
    processes.findLast((process) => process.context && isFree(process)) ??
    processes.find((process) => process.endedAt !== undefined && isFree(process));
  if (victim === undefined) return false;
  state.processes.delete(victim.entityId);
  return true;
}
