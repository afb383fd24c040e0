import { LIMITS, type Story } from '@yagura/protocol';
import { shorten } from '../text/shorten.ts';
import { maskEvent } from './mask-event.ts';
import { maskSecrets } from './mask-secrets.ts';

/** The story without secrets in the command lines and events that it carries: for whatever leaves the machine. */
export function maskStory(story: Story): Story {
  return {
    ...story,
    detections: story.detections.map((detection) => ({
      ...detection,
      event: maskEvent(detection.event),
      matched: detection.matched.map((match) =>
        typeof match.value === 'string'
          ? { ...match, value: shorten(maskSecrets(match.value), LIMITS.fieldValue) }
          : match,
      ),
    })),
    processes: story.processes.map((process) =>
      process.commandLine === undefined
        ? process
        : { ...process, commandLine: shorten(maskSecrets(process.commandLine), LIMITS.fieldValue) },
    ),
  };
}
