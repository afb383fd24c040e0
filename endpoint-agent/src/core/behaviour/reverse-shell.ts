import type { Event, RuleFacts } from '@yagura/protocol';
import { BoundedMap } from '../bounded-map.ts';
import type { RuleMatch } from '../detection/evaluator.ts';
import { isInterpreter } from '../process/executed-files.ts';
import type { ProcessFacts } from '../process/process-lookup.ts';
import { isInteractiveShell, isUntrustedPath, livePath, programName } from '../process/system-roles.ts';
import { type BehaviourDetector, type BehaviourOptions, matchOf } from './behaviour.ts';
import { BEHAVIOUR_RULES } from './behaviour-rules.ts';

/** Between connecting and opening the shell, in milliseconds. */
const WINDOW = 30_000;
/** A program that has run for longer is a server that offers terminals (notebooks, web consoles), not an exploit. */
const YOUNG = 10 * 60_000;
const MAX_CONNECTIONS = 4_096;
/** The shell may hang a little below what connected: `python -> sh -c -> sh -i`. */
const MAX_ANCESTORS = 3;
const MAX_SIBLINGS = 64;

const RELAYS: ReadonlySet<string> = new Set([
  'nc',
  'ncat',
  'netcat',
  'nc.traditional',
  'nc.openbsd',
  'socat',
  'telnet',
  'openssl',
  'cryptcat',
  'sbd',
]);

/**
 * A shell that someone types into from the network: a shell without a script, opened by what has just
 * connected outward (or by the very process that did, before it became the shell), or fed by a relay such as
 * `nc` beside it. Scripts, web terminals of long-running servers and logins are left out.
 */
export function createReverseShellDetector(options: BehaviourOptions): BehaviourDetector {
  const { clock, processes, standardInput } = options;
  const connections = new BoundedMap<string, number>(MAX_CONNECTIONS);

  function hasConnected(entityId: string): boolean {
    const at = connections.get(entityId);
    return at !== undefined && clock.monotonic() - at <= WINDOW;
  }

  function onShell(event: Event, shell: ProcessFacts): readonly RuleMatch[] {
    const connected = [shell, ...processes.ancestors(shell.entityId, MAX_ANCESTORS)].find(({ entityId }) =>
      hasConnected(entityId),
    );
    if (connected === undefined) return [];
    const rule = ruleFor(event, shell, connected, standardInput?.(shell.pid));
    return rule === undefined
      ? []
      : [matchOf(rule, event, ['Image', 'CommandLine', 'ParentImage', 'ParentCommandLine'])];
  }

  /** Relays connect after the shell was opened: `socat EXEC:sh TCP:...`, `sh -i < fifo | nc ... > fifo`. */
  function onRelay(event: Event, relay: ProcessFacts): readonly RuleMatch[] {
    const parent = relay.parentEntityId;
    const below = [
      ...processes.descendants(relay.entityId).slice(0, MAX_SIBLINGS),
      ...(parent === undefined ? [] : processes.descendants(parent).slice(0, MAX_SIBLINGS).filter(isForcedInteractive)),
    ];
    const shell = below.find(
      (process) => process.entityId !== relay.entityId && isInteractiveShell(process) && isNear(process, event),
    );
    if (shell === undefined) return [];
    const isChild = shell.parentEntityId === relay.entityId;
    const rule = isChild || isForcedInteractive(shell) ? BEHAVIOUR_RULES.likelyReverseShell : undefined;
    return rule === undefined ? [] : [matchOf(rule, event, ['Image', 'DestinationIp', 'DestinationPort'])];
  }

  return {
    observe(event) {
      const process = event.entityId === undefined ? undefined : processes.get(event.entityId);
      if (process === undefined) return [];
      if (event.logsource.category === 'network_connection') {
        if (!canCarryShell(process)) return [];
        connections.set(process.entityId, clock.monotonic());
        return RELAYS.has(programName(process.image) ?? '') ? onRelay(event, process) : [];
      }
      if (event.logsource.category !== 'process_creation' || !isInteractiveShell(process)) return [];
      return onShell(event, process);
    },
    get evicted() {
      return connections.evicted;
    },
  };
}

function ruleFor(
  event: Event,
  shell: ProcessFacts,
  connected: ProcessFacts,
  input: ReturnType<NonNullable<BehaviourOptions['standardInput']>>,
): RuleFacts | undefined {
  if (input === 'socket') return BEHAVIOUR_RULES.reverseShell;
  const isSelf = connected.entityId === shell.entityId;
  const age = connected.startedAt === undefined ? 0 : event.time - connected.startedAt;
  if (!isSelf && age > YOUNG) return undefined;
  if (isSelf || isForcedInteractive(shell)) return BEHAVIOUR_RULES.likelyReverseShell;
  return BEHAVIOUR_RULES.possibleReverseShell;
}

/** Programs that can hand a connection on to a shell; browsers, mail clients and their like cannot. */
function canCarryShell(process: ProcessFacts): boolean {
  const { image } = process;
  if (image === undefined) return false;
  return isInterpreter(image) || RELAYS.has(programName(image) ?? '') || isUntrustedPath(livePath(image));
}

/** `-i` asks for a prompt where none would come by itself: not at a terminal. */
function isForcedInteractive(process: ProcessFacts): boolean {
  return isInteractiveShell(process) && /\s-(?:i|li|il)(?:\s|$)/.test(process.commandLine ?? '');
}

function isNear(process: ProcessFacts, event: Event): boolean {
  return process.startedAt === undefined || Math.abs(event.time - process.startedAt) <= WINDOW;
}
