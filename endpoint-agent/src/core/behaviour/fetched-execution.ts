import type { Event } from '@yagura/protocol';
import { BoundedMap } from '../bounded-map.ts';
import type { RuleMatch } from '../detection/evaluator.ts';
import { executedFiles, executionOf, isInterpreter } from '../process/executed-files.ts';
import { isTemporaryPath, livePath, programName } from '../process/system-roles.ts';
import { type BehaviourDetector, type BehaviourOptions, matchOf, textField } from './behaviour.ts';
import { BEHAVIOUR_RULES } from './behaviour-rules.ts';

/** From the connection to the end of the download, and from the download to its start, in milliseconds. */
const DOWNLOAD_WINDOW = 10 * 60_000;
const EXECUTION_WINDOW = 60 * 60_000;
const MAX_CONNECTIONS = 4_096;
const MAX_FILES = 4_096;
/** A start may be reported before the writing that came first; so much later it was another one. Milliseconds. */
const REORDERING_WINDOW = 2_000;
const MAX_STARTS = 1_024;

const DOWNLOADERS: ReadonlySet<string> = new Set([
  'curl',
  'wget',
  'wget2',
  'aria2c',
  'axel',
  'lwp-download',
  'GET',
  'ftp',
  'tftp',
  'lftp',
  'ncftpget',
  'scp',
  'sftp',
  'nc',
  'ncat',
  'netcat',
  'socat',
  'busybox',
  'certutil',
]);
/** They unpack and run what they fetched all day long. */
const PACKAGE_MANAGER =
  /(?:^|[/\s])(?:pip[\d.]*|npm|npx|yarn|pnpm|corepack|gem|bundle|cpanm?|conda|mamba|uv|poetry|composer)(?:\s|$|-cli\.js)/;
/** A host without a name: `http://192.0.2.1/x`, `http://0x7f000001/x`. */
const BARE_ADDRESS =
  /\b(?:https?|ftp|tftp):\/\/(?:[^/@\s]*@)?(?:\d{1,3}(?:\.\d{1,3}){3}|0x[0-9a-f]+|\d{6,10}|\[[0-9a-f:.]+\])(?=[:/\s'"]|$)/i;

interface Started {
  readonly at: number;
  readonly event: Event;
}

interface Fetched {
  readonly at: number;
  /** Fetched from an address without a name. */
  readonly bare: boolean;
}

/**
 * A file that came from the network into a folder of temporary files and is run soon after, directly or
 * through an interpreter. Certain when it came from a bare address, is hidden or lies in shared memory, as
 * installers of real products never do; else it is for a person to look at.
 */
export function createFetchedExecutionDetector({ clock, processes }: BehaviourOptions): BehaviourDetector {
  const connections = new BoundedMap<string, number>(MAX_CONNECTIONS);
  const fetched = new BoundedMap<string, Fetched>(MAX_FILES);
  /** Files in folders of temporary files that were started and of which no download is known. */
  const starts = new BoundedMap<string, Started>(MAX_STARTS);

  function onWrite(event: Event): readonly RuleMatch[] {
    const path = textField(event, 'TargetFilename');
    const writer = event.entityId === undefined ? undefined : processes.get(event.entityId);
    if (path === undefined || !isTemporaryPath(path)) return [];
    const commandLine = writer?.commandLine ?? '';
    const name = programName(writer?.image ?? textField(event, 'Image'));
    const connectedAt = event.entityId === undefined ? undefined : connections.get(event.entityId);
    const hasConnected = connectedAt !== undefined && clock.monotonic() - connectedAt <= DOWNLOAD_WINDOW;
    const isDownloader = name !== undefined && DOWNLOADERS.has(name) && /:\/\/|^s?ftp|^scp/.test(commandLine);
    const isFetch = isDownloader || (hasConnected && !PACKAGE_MANAGER.test(commandLine));
    if (!isFetch) {
      fetched.delete(path);
      return [];
    }
    const file = { at: clock.monotonic(), bare: BARE_ADDRESS.test(commandLine) };
    fetched.set(path, file);
    const started = starts.get(path);
    starts.delete(path);
    if (started === undefined || clock.monotonic() - started.at > REORDERING_WINDOW) return [];
    return [{ ...matchStart(started.event, path, file), about: started.event }];
  }

  function onRename(event: Event): void {
    const to = textField(event, 'TargetFilename');
    const from = textField(event, 'SourceFilename');
    const known = from === undefined ? undefined : fetched.get(from);
    if (from !== undefined) fetched.delete(from);
    if (to !== undefined && known !== undefined) fetched.set(to, known);
  }

  function onStart(event: Event): readonly RuleMatch[] {
    for (const path of executedFiles(executionOf(event)).map(livePath)) {
      const known = fetched.get(path);
      if (known === undefined) {
        if (isTemporaryPath(path)) starts.set(path, { at: clock.monotonic(), event });
        continue;
      }
      if (clock.monotonic() - known.at <= EXECUTION_WINDOW) return [matchStart(event, path, known)];
    }
    return [];
  }

  function matchStart(start: Event, path: string, file: Fetched): RuleMatch {
    const isFurtive = file.bare || path.startsWith('/dev/shm/') || /\/\.[^/.]/.test(path);
    const rule = isFurtive ? BEHAVIOUR_RULES.fetchedExecution : BEHAVIOUR_RULES.possibleFetchedExecution;
    return matchOf(rule, start, isInterpreter(textField(start, 'Image')) ? ['CommandLine'] : ['Image']);
  }

  return {
    observe(event) {
      switch (event.logsource.category) {
        case 'network_connection':
          if (event.entityId !== undefined) connections.set(event.entityId, clock.monotonic());
          return [];
        case 'file_event':
          return onWrite(event);
        case 'file_rename':
          onRename(event);
          return [];
        case 'file_delete':
          fetched.delete(textField(event, 'TargetFilename') ?? '');
          return [];
        case 'process_creation':
          return onStart(event);
        default:
          return [];
      }
    },
    get evicted() {
      return connections.evicted + fetched.evicted + starts.evicted;
    },
  };
}
