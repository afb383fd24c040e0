import { CONFIDENCES, compareSeverity, type Detection, LIMITS, type Story } from '@yagura/protocol';
import type { IncidentRow } from '../../../api/incidents.ts';

/** The detection that says most: the most severe, then the most certain, then the first. */
export function strongestDetection(story: Pick<Story, 'detections'>): Detection | undefined {
  return story.detections.reduce<Detection | undefined>((best, detection) => {
    if (!best) return detection;
    const bySeverity = compareSeverity(detection.rule.severity, best.rule.severity);
    const byConfidence = CONFIDENCES.indexOf(detection.rule.confidence) - CONFIDENCES.indexOf(best.rule.confidence);
    return bySeverity > 0 || (bySeverity === 0 && byConfidence > 0) ? detection : best;
  }, undefined);
}

/** The incident's title, taken from that detection's rule in the languages that it has. */
export function storyTitle(story: Pick<Story, 'detections'>): IncidentRow['title'] {
  const rule = strongestDetection(story)?.rule;
  if (!rule) return { en: '' };
  const en = shorten(rule.localTitle?.en ?? rule.title);
  return rule.localTitle === undefined ? { en } : { ja: shorten(rule.localTitle.ja), en };
}

function shorten(text: string): string {
  if (text.length <= LIMITS.shortText) return text;
  return `${text.slice(0, LIMITS.shortText - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
