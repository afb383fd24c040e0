import { type Event, type FieldValue, LIMITS } from '@yagura/protocol';
import { shorten } from '../text/shorten.ts';
import { maskArguments, maskSecrets } from './mask-secrets.ts';

/** Fields in which secrets stand: what programs were called with, and what files and logs say. */
const TEXT_FIELDS = [
  'CommandLine',
  'ParentCommandLine',
  'ContentBefore',
  'ContentAfter',
  'ContentAdded',
  'ContentRemoved',
  'Message',
  'cmd',
] as const;

/**
 * The event without secrets; the same object when there are none. For everything that stores an event or sends
 * it on: rules judge the event as it was.
 */
export function maskEvent(event: Event): Event {
  let fields: Record<string, FieldValue> | undefined;
  const put = (name: string, value: string) => {
    if (event.fields[name] === value) return;
    fields ??= { ...event.fields };
    // A mask may be longer than the secret was.
    fields[name] = shorten(value, LIMITS.fieldValue);
  };
  for (const name of TEXT_FIELDS) {
    const value = event.fields[name];
    if (typeof value === 'string') put(name, maskSecrets(value));
  }
  const text = event.fields['Arguments'];
  if (typeof text === 'string') {
    const argv = parseArguments(text);
    if (!argv) {
      // Cut to the limit of a field: what cannot be read cannot be masked.
      fields ??= { ...event.fields };
      delete fields['Arguments'];
    } else {
      const masked = maskArguments(argv);
      if (masked.some((argument, index) => argument !== argv[index])) {
        put('Arguments', JSON.stringify(masked));
        put('CommandLine', masked.join(' '));
      }
    }
  }
  return fields ? { ...event, fields } : event;
}

/** The exact argument vector: a JSON array of strings. */
function parseArguments(value: string): string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) && parsed.every((item) => typeof item === 'string') ? parsed : undefined;
  } catch {
    return undefined;
  }
}
