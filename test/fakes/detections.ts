import type { RuleMatch } from '../../endpoint-agent/src/core/detection/evaluator.ts';
import type { ProcessFacts } from '../../endpoint-agent/src/core/process/process-lookup.ts';
import type { Event, EventCategory, EventFields, RuleFacts } from '../../protocol/src/index.ts';

/** A match of a rule that is severe and certain unless told otherwise. */
export function ruleMatch(ruleId: string, more: Partial<RuleFacts> = {}): RuleMatch {
  return {
    rule: {
      ruleId,
      title: ruleId,
      source: 'sigma',
      severity: 'high',
      confidence: 'high',
      techniques: [],
      tactics: [],
      ...more,
    },
    matched: [],
  };
}

let count = 0;

/** An event of the process, as the normaliser would have made it. */
export function eventOf(
  category: EventCategory,
  process: ProcessFacts | undefined,
  fields: EventFields = {},
  more: Partial<Event> = {},
): Event {
  const own: EventFields = {};
  if (process !== undefined) own['ProcessId'] = process.pid;
  if (process?.image !== undefined) own['Image'] = process.image;
  if (category === 'process_creation' && process?.commandLine !== undefined) own['CommandLine'] = process.commandLine;
  const { entityId, parentEntityId } = process ?? {};
  return {
    eventId: `ev-${(count += 1)}`,
    logsource: { product: 'linux', category },
    time: 1_700_000_000_000 + count,
    ...(entityId === undefined ? {} : { entityId }),
    ...(parentEntityId === undefined ? {} : { parentEntityId }),
    fields: { ...own, ...fields },
    ...more,
  };
}
