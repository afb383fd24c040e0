import { compareSeverity, type Detection, type Story, type StoryProcess } from '@yagura/protocol';
import { executedFiles, executionOf } from '../process/executed-files.ts';
import { isSystemPath, isUntrustedPath, livePath } from '../process/system-roles.ts';
import { treeOf, wasBornGuilty } from './story-roots.ts';

type Judged = Pick<Story, 'detections' | 'processes' | 'files'>;

/**
 * Folders in which each file belongs to one author as a whole. Shared configuration such as /etc/passwd,
 * /etc/crontab or authorized_keys is not among them: to take such a file away locks people out.
 */
const DROP_IN_FILE =
  /^\/(?:etc\/(?:cron\.(?:d|hourly|daily|weekly|monthly)|profile\.d|sudoers\.d|init\.d|update-motd\.d|ld\.so\.preload$|systemd\/(?:system|user)|xdg\/autostart)|(?:usr\/)?lib\/systemd\/(?:system|user)|(?:home\/[^/]+|root)\/\.config\/(?:systemd\/user|autostart))(?:\/[^/]+)*$/;

/**
 * Files that a story would have moved into the vault: what ran, before what would run later. The responder
 * still refuses files that the package manager owns or that services hold open.
 *
 * - what processes below the roots ran, if the story itself wrote it, or it lies where any user can write,
 *   or its very start was a severe and certain match; never programs in the system's own folders;
 * - what a listed hash or a YARA rule named;
 * - what a severe detection saw a process of the story write into a drop-in folder (cron.d, systemd units ...).
 *
 * Each under the path that it has now: a program that moves its own file aside is still found.
 */
export function quarantineCandidates(
  story: Judged,
  roots: readonly string[],
  renames: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  const written = new Set(story.files.filter((file) => file.writerEntityId !== undefined).map(({ path }) => path));
  for (const [former, now] of renames) if (written.has(now)) written.add(former);
  const files = new Set<string>();
  for (const root of roots) {
    for (const process of treeOf(root, story.processes)) addExecuted(process, root, story, written, files);
  }
  for (const detection of story.detections) addNamed(detection, files);
  for (const detection of story.detections) addDroppedIn(detection, files);
  return [...new Set([...files].map((path) => renames.get(path) ?? path))];
}

function addExecuted(
  process: StoryProcess,
  root: string,
  story: Judged,
  written: ReadonlySet<string>,
  files: Set<string>,
): void {
  const bornGuilty = wasBornGuilty(process.entityId, story.detections);
  const own = story.detections.filter(({ event }) => event.entityId === process.entityId);
  const executions = [
    { image: process.image, commandLine: process.commandLine },
    // The event knows the working directory, so that `sh x.sh` has a path.
    ...own.map(({ event }) => executionOf(event)),
  ];
  // In a mount namespace of its own the process may have run another file than the one that has this path here, which
  // may be anybody's: whoever can make namespaces could have it taken away. The responder compares a known hash.
  const isElsewhere = own.some(({ event }) => event.fields['MountNamespace'] !== undefined);
  const isKnown = (path: string): boolean =>
    story.files.some((file) => file.path === path && file.sha256 !== undefined);
  for (const path of executions.flatMap(executedFiles).map(livePath)) {
    if (isElsewhere && !isKnown(path)) continue;
    if (isSystemPath(path) || !path.startsWith('/') || isPseudoFile(path)) continue;
    // Everybody's folders are tools' folders too: there the process must at least be one of the accused.
    const accused = process.entityId === root || story.detections.some((d) => d.event.entityId === process.entityId);
    if (written.has(path) || bornGuilty || (accused && isUntrustedPath(path))) files.add(path);
  }
}

/** Indicators and YARA speak about one file, whoever touched it. */
function addNamed({ rule, event }: Detection, files: Set<string>): void {
  if ((rule.source !== 'indicator' && rule.source !== 'yara') || rule.confidence === 'low') return;
  const { TargetFilename, Image, MountNamespace } = event.fields;
  // There the path is some other file's; what ran is found by its hash.
  if (MountNamespace !== undefined) return;
  const path = typeof TargetFilename === 'string' ? TargetFilename : Image;
  if (typeof path !== 'string') return;
  const live = livePath(path);
  // A program of the system runs listed code only if it was replaced: the responder's guard asks its owner.
  if (live.startsWith('/') && !isPseudoFile(live)) files.add(live);
}

function addDroppedIn({ rule, event }: Detection, files: Set<string>): void {
  const path = event.fields['TargetFilename'];
  const { category } = event.logsource;
  const isKept = category === 'persistence' && event.fields['Operation'] !== 'delete';
  const isWrite = category === 'file_event' || category === 'file_rename' || isKept;
  if (typeof path !== 'string' || !isWrite || path.includes('/../') || !DROP_IN_FILE.test(path)) return;
  if (rule.confidence === 'high' && compareSeverity(rule.severity, 'high') >= 0) files.add(path);
}

/** Nothing that a vault could hold. */
function isPseudoFile(path: string): boolean {
  return /^\/(?:proc|sys|memfd:|dev\/(?!shm\/|mqueue\/))/.test(path);
}
