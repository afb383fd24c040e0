import { compareSeverity, type Detection, LIMITS, type PolicyMode, type Severity, type Story } from '@yagura/protocol';
import { scoreStory } from '../story/story-score.ts';
import { findExclusion } from './exclusions.ts';
import { quarantineCandidates } from './quarantine-candidates.ts';
import { isAlive, standingRoots, storyRoots, treeOf } from './story-roots.ts';
import { NO_TUNINGS, tuneRule } from './tunings.ts';
import type { Verdict, VerdictInput, VerdictReason } from './verdict.ts';

/** Stories that one endpoint contains by itself within an hour; listed hashes are not counted against it. */
export const CONTAINMENT_CAP_PER_HOUR = 10;
/** Several severe rules of middling certainty weigh as much as one certain one. */
export const CONTAINMENT_SCORE = 120;
const RULES_FOR_SCORE = 2;
/** Attempts at a file that was another one each time somebody looked. */
const ATTEMPTS_AT_CHANGING_FILE = 3;

/** What a policy does about a severe story by itself. */
const ACTS: Record<PolicyMode, boolean> = { observe: false, balanced: true };

/**
 * Decides what to do about a story. Pure and total. With policy `balanced` a story is contained when, after
 * exclusions and tunings, one of these holds:
 * 1. a detection of severity high or critical with confidence high;
 * 2. a detection of severity critical with confidence medium;
 * 3. a score of at least `CONTAINMENT_SCORE` to which at least two different rules of severity high with
 *    confidence medium contribute, so that no sum of small things stops anything.
 * Past `CONTAINMENT_CAP_PER_HOUR` stories an hour only stories with a listed hash are contained. A contained
 * story is contained again when it has new processes or files; what was tried and refused is not tried again.
 * Of a root that ended by itself, what it left running is stopped instead.
 */
export function decideVerdict(input: VerdictInput): Verdict {
  const { story } = input;
  const ordered = input.ordered === true;
  if (!ordered && !ACTS[input.mode]) return observe('policy_observes');
  const judged = ordered ? story : asPeopleSet(input);
  if (!ordered && !isSevere(judged)) return observe('below_threshold');
  if (story.containment === 'in-progress') return observe('already_contained');
  const roots = storyRoots(judged, input.protectedEntityIds);
  const standing = standingRoots(roots, story.processes, input.protectedEntityIds);
  const remainingRoots = standing.filter((root) => isRootOpen(root, story));
  const files = quarantineCandidates(judged, roots, input.renames).filter((path) => isFileOpen(path, input));
  const isFirst = story.containment === 'observed';
  if (remainingRoots.length === 0 && files.length === 0) {
    return observe(isFirst ? 'nothing_to_contain' : 'already_contained');
  }
  // No room to write down what would be done: stop here, visibly.
  if (story.actions.length >= LIMITS.actionsPerStory) return observe('cap_reached');
  const isCounted = !ordered && isFirst && !hasListedHash(judged);
  if (isCounted && input.containedLastHour >= CONTAINMENT_CAP_PER_HOUR) return observe('cap_reached');
  const [rootEntityId, ...furtherRootEntityIds] = remainingRoots;
  return {
    decision: 'contain',
    reason: ordered ? 'ordered_by_person' : 'severe_story',
    ...(rootEntityId === undefined ? {} : { rootEntityId }),
    furtherRootEntityIds,
    files,
    isCounted,
  };
}

function observe(reason: VerdictReason): Verdict {
  return { decision: 'observe', reason, furtherRootEntityIds: [], files: [], isCounted: false };
}

/**
 * A story formed before an exclusion or a tuning was made is judged as if it had been made before: without what is
 * excluded or disabled, and by the levels that people chose.
 */
function asPeopleSet({ story, exclusions, tuner = NO_TUNINGS, now }: VerdictInput): Story {
  let changed = false;
  const detections = story.detections.flatMap((detection) => {
    const rule = tuneRule(detection.rule, tuner.find(detection.rule.ruleId, now));
    const isKept = rule !== undefined && !findExclusion(rule, detection.event, exclusions, now);
    changed ||= !isKept || rule !== detection.rule;
    return isKept ? [{ ...detection, rule }] : [];
  });
  return changed ? { ...story, detections, score: scoreStory(detections.map(({ rule }) => rule)) } : story;
}

function isSevere(story: Story): boolean {
  if (story.detections.some(isCertain)) return true;
  const rules = new Set(
    story.detections.filter((d) => isAtLeast(d, 'high') && !isDoubtful(d)).map((d) => d.rule.ruleId),
  );
  return rules.size >= RULES_FOR_SCORE && story.score >= CONTAINMENT_SCORE;
}

function isCertain(detection: Detection): boolean {
  if (detection.rule.confidence === 'high') return isAtLeast(detection, 'high');
  return !isDoubtful(detection) && isAtLeast(detection, 'critical');
}

function isAtLeast({ rule }: Detection, severity: Severity): boolean {
  return compareSeverity(rule.severity, severity) >= 0;
}

function isDoubtful({ rule }: Detection): boolean {
  return rule.confidence === 'low';
}

function hasListedHash({ detections }: Story): boolean {
  return detections.some(({ rule }) => rule.source === 'indicator' && rule.confidence === 'high');
}

/** Whether something below the root runs that no former attempt was refused for. */
function isRootOpen(root: string, story: Story): boolean {
  const attempt = story.actions.findLast(({ kind, target }) => kind === 'kill-tree' && target.entityId === root);
  if (attempt === undefined || attempt.ok) return true;
  const alive = treeOf(root, story.processes).filter(isAlive);
  return alive.some(({ startedAt }) => startedAt !== undefined && startedAt > attempt.endedAt);
}

/** Whether the file is worth an attempt: there (again), not tried in vain, not declared harmless. */
function isFileOpen(path: string, { story, exclusions, now }: VerdictInput): boolean {
  const file = story.files.find((known) => known.path === path);
  // What a person restored stays; what is gone cannot be moved.
  if (file !== undefined && file.state !== 'present') return false;
  const sha256 = file?.sha256;
  const isExcluded =
    sha256 !== undefined &&
    exclusions.some(({ match, expiresAt }) => expiresAt > now && match.by === 'sha256' && match.sha256 === sha256);
  if (isExcluded) return false;
  const attempts = story.actions.filter(({ kind, target }) => kind === 'quarantine-file' && target.path === path);
  // Whoever keeps writing to the file must not keep it by that alone.
  if (attempts.at(-1)?.code === 'path_changed') return attempts.length < ATTEMPTS_AT_CHANGING_FILE;
  return attempts.length === 0 || (file !== undefined && attempts.every(({ ok }) => ok));
}
