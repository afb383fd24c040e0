import { FilePath, type Story } from '@yagura/protocol';
import type { ExclusionProposals } from '../../../api/incidents.ts';
import { matchKey } from './exclusion-set.ts';

/** Proposals of each kind; a person chooses from a short list. */
const MAX_OF_EACH = 10;
/** Fields that name the file or program a detection is about, the most precise first. */
const PATH_FIELDS = ['TargetFilename', 'Image'] as const;

/**
 * What could be excluded for a story, the most precise first: exactly these files, then a rule at a path,
 * then a whole rule.
 */
export function proposeExclusions(story: Pick<Story, 'files' | 'detections'>): ExclusionProposals['items'] {
  const files: ExclusionProposals['items'] = [];
  for (const { sha256 } of story.files) if (sha256 !== undefined) files.push({ match: { by: 'sha256', sha256 } });
  const paths: ExclusionProposals['items'] = [];
  const rules: ExclusionProposals['items'] = [];
  for (const { rule, event } of story.detections) {
    const ruleTitle = rule.title;
    for (const field of PATH_FIELDS) {
      const path = FilePath.safeParse(event.fields[field]);
      if (path.success) paths.push({ match: { by: 'rule-path', ruleId: rule.ruleId, path: path.data }, ruleTitle });
    }
    rules.push({ match: { by: 'rule', ruleId: rule.ruleId }, ruleTitle });
  }
  return [files, paths, rules].flatMap((kind) => distinct(kind).slice(0, MAX_OF_EACH));
}

function distinct(items: ExclusionProposals['items']): ExclusionProposals['items'] {
  const seen = new Set<string>();
  return items.filter(({ match }) => {
    const key = matchKey(match);
    return seen.has(key) ? false : seen.add(key);
  });
}
