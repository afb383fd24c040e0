import { CONFIDENCES, compareSeverity, type Detection, type Event, LIMITS, SEVERITIES } from '@yagura/protocol';
import type { RuleMatch } from '../detection/evaluator.ts';
import { jsonStringBytes, shorten, shortenToJsonBytes } from '../text/shorten.ts';
import { keptKey, STORY_BOUNDS, type StoryState } from './story-state.ts';

/** A story carries at most 50 detections in one frame: each keeps the beginning of its long fields. */
const FIELD_UNITS = 2_048;
const EVENT_FIELDS_BYTES = 8_192;
const MATCHED_ITEMS = 32;
const MATCHED_UNITS = 512;
const MATCHED_BYTES = 4_096;

/**
 * Takes a match into the story. Returns false when it was only counted: the same rule on the same process
 * says nothing new after a few times, and a full story keeps its gravest detections.
 */
export function addDetection(state: StoryState, detectionId: string, match: RuleMatch, event: Event): boolean {
  state.detectionCount += 1;
  state.firstSeen = Math.min(state.firstSeen, event.time);
  state.lastSeen = Math.max(state.lastSeen, event.time);
  if (compareSeverity(match.rule.severity, state.severity) > 0) state.severity = match.rule.severity;
  const isNewRule = !state.rules.has(match.rule.ruleId);
  if (isNewRule && state.rules.size < STORY_BOUNDS.rules) state.rules.set(match.rule.ruleId, withoutTexts(match.rule));
  const key = keptKey(match.rule.ruleId, event.entityId);
  const times = state.kept.get(key) ?? 0;
  if (times >= STORY_BOUNDS.keptPerRuleAndProcess) return false;
  if (state.detections.length >= LIMITS.detectionsPerStory && !dropWeaker(state, match)) return false;
  if (state.kept.size < STORY_BOUNDS.keptKeys || times > 0) state.kept.set(key, times + 1);
  state.detections.push(compactDetection(detectionId, match, event));
  return true;
}

/** What the score asks for; the texts stay with the detections that are kept. */
function withoutTexts(rule: RuleMatch['rule']): RuleMatch['rule'] {
  const { ruleId, title, source, severity, confidence, techniques, tactics } = rule;
  return { ruleId, title, source, severity, confidence, techniques, tactics };
}

/** The detection with its event and matched fields cut to what a story has room for. */
export function compactDetection(detectionId: string, match: RuleMatch, event: Event): Detection {
  const truncated = new Set(event.truncated);
  const fields: Event['fields'] = {};
  let left = EVENT_FIELDS_BYTES;
  for (const [name, value] of byLength(event.fields)) {
    const kept = typeof value === 'string' ? shortenToJsonBytes(shorten(value, FIELD_UNITS), left) : value;
    if (typeof value === 'string' && (kept as string).length < value.length) truncated.add(name);
    if (kept === '') continue;
    fields[name] = kept;
    left = Math.max(2, left - (typeof kept === 'string' ? jsonStringBytes(kept) : 24));
  }
  return {
    detectionId,
    rule: match.rule,
    event: { ...event, fields, ...(truncated.size === 0 ? {} : { truncated: [...truncated] }) },
    matched: compactMatched(match),
    time: event.time,
  };
}

/** Short fields first: they are the names and numbers that people search for. */
function byLength(fields: Event['fields']): [string, Event['fields'][string]][] {
  const length = (value: unknown): number => (typeof value === 'string' ? value.length : 0);
  return Object.entries(fields).sort(([, a], [, b]) => length(a) - length(b));
}

function compactMatched(match: RuleMatch): Detection['matched'] {
  let left = MATCHED_BYTES;
  return match.matched.slice(0, MATCHED_ITEMS).map(({ field, value }) => {
    if (typeof value !== 'string') return { field, value };
    const short = shortenToJsonBytes(shorten(value, MATCHED_UNITS), left);
    left = Math.max(2, left - jsonStringBytes(short));
    return { field: shorten(field, LIMITS.fieldName), value: short };
  });
}

/** Makes room by dropping the weakest detection, the newest of equals, if it is weaker than the new one. */
function dropWeaker(state: StoryState, match: RuleMatch): boolean {
  let weakest = -1;
  let weight = weightOf(match.rule);
  for (const [index, { rule }] of state.detections.entries()) {
    if (weightOf(rule) < weight || (weakest >= 0 && weightOf(rule) === weight)) {
      weakest = index;
      weight = weightOf(rule);
    }
  }
  if (weakest < 0) return false;
  state.detections.splice(weakest, 1);
  return true;
}

function weightOf({ severity, confidence }: RuleMatch['rule']): number {
  return SEVERITIES.indexOf(severity) * CONFIDENCES.length + CONFIDENCES.indexOf(confidence);
}
