import { createHash } from 'node:crypto';
import { type Event, type FieldValue, type ItemBody, LANE_OF, SEVERITIES, type Story } from '@yagura/protocol';
import { TAMPER_SERVICE } from '../sensors/sensor.ts';
import type { NewRow } from './item-store.ts';

/** Outcomes and quarantine are shed as late as a high story; gaps never are. */
const WEIGHT_OF_FACTS = SEVERITIES.indexOf('high');

/** Lays an item out as a row. Undefined when it is larger than `limit` bytes and cannot be cut. */
export function rowOf(body: ItemBody, sequence: number, spooledAt: number, limit: number): NewRow | undefined {
  const json = fit(body, limit);
  if (json === undefined) return undefined;
  const row = { sequence, lane: LANE_OF[body.type], type: body.type, spooledAt, json };
  switch (body.type) {
    case 'story':
      return {
        ...row,
        subject: `story:${body.story.storyId}`,
        revision: body.story.revision,
        weight: SEVERITIES.indexOf(body.story.severity),
        signature: signatureOf(body.story),
      };
    case 'event':
      return { ...row, weight: ownerOf(body.event) };
    case 'health':
    case 'inventory':
      return { ...row, subject: body.type, weight: 0 };
    default:
      return { ...row, weight: WEIGHT_OF_FACTS };
  }
}

/** Users are told apart by so many numbers: two of the same share. */
const OWNERS = 1_024;
/** Of telemetry that is shed last: what was done to the agent itself. */
export const OWNED_BY_AGENT = -1;

/** Whose room an event takes (SPEC SP4): a number for its user. */
function ownerOf({ logsource, fields }: Event): number {
  if (logsource.service === TAMPER_SERVICE) return OWNED_BY_AGENT;
  let hash = 0x811c9dc5;
  for (const letter of String(fields['User'] ?? '')) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % OWNERS;
}

/** Stories with the same rules at the same severity say the same about different processes. */
function signatureOf(story: Story): string {
  const rules = [...new Set(story.detections.map((detection) => detection.rule.ruleId))].sort();
  return createHash('sha256')
    .update(JSON.stringify([story.severity, story.safeTest, rules]))
    .digest('base64');
}

/** Characters of a text that a story too large for one frame keeps of each field. */
const SHORTENED = 2_048;

function fit(body: ItemBody, limit: number): string | undefined {
  const json = JSON.stringify(body);
  if (Buffer.byteLength(json) <= limit) return json;
  return body.type === 'story' ? fitStory(body.story, limit) : undefined;
}

/** Shortens long texts first, then the lists; the counts of what there was stay true (ST2). */
function fitStory(whole: Story, limit: number): string | undefined {
  const short = shortenTexts(whole);
  const longest = Math.max(short.detections.length, short.processes.length, short.files.length);
  for (let kept = longest; kept >= 1; kept = kept === 1 ? 0 : Math.ceil(kept / 2)) {
    const story = {
      ...short,
      detections: short.detections.slice(0, kept),
      processes: short.processes.slice(0, kept),
      files: short.files.slice(0, kept),
    };
    const json = JSON.stringify({ type: 'story', story } satisfies ItemBody);
    if (Buffer.byteLength(json) <= limit) return json;
  }
  return undefined;
}

function shortenTexts(story: Story): Story {
  return {
    ...story,
    detections: story.detections.map((detection) => ({
      ...detection,
      event: shortenEvent(detection.event),
      matched: detection.matched.map((match) => ({ ...match, value: shorten(match.value) })),
    })),
    processes: story.processes.map((process) =>
      process.commandLine === undefined
        ? process
        : { ...process, commandLine: process.commandLine.slice(0, SHORTENED) },
    ),
  };
}

function shortenEvent(event: Event): Event {
  const long = Object.entries(event.fields).filter(([, value]) => shorten(value) !== value);
  if (long.length === 0) return event;
  const fields = { ...event.fields, ...Object.fromEntries(long.map(([name, value]) => [name, shorten(value)])) };
  return { ...event, fields, truncated: [...new Set([...(event.truncated ?? []), ...long.map(([name]) => name)])] };
}

function shorten(value: FieldValue): FieldValue {
  return typeof value === 'string' ? value.slice(0, SHORTENED) : value;
}
