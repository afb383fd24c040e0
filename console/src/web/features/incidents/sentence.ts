import type { Language } from '../../i18n/language.ts';
import { enWords } from './sentence-en.ts';
import { jaWords } from './sentence-ja.ts';
import { type StoryFacts, type StoryInput, storyFacts } from './story-facts.ts';

/** What a person reads first of an incident: what happened, what was done, what is asked. */
export interface StorySentence {
  readonly happened: string;
  readonly done: string;
  readonly request: string;
}

/** How one language says the facts; each part is one or more whole sentences. */
export interface SentenceWords {
  readonly happened: (facts: StoryFacts) => string;
  readonly done: (facts: StoryFacts) => string;
  readonly request: (facts: StoryFacts) => string;
}

const WORDS: Record<Language, SentenceWords> = { ja: jaWords, en: enWords };

/** Composes the incident's sentences from its codes alone. Pure; foreign names come out inert. */
export function tellStory(input: StoryInput, language: Language): StorySentence {
  const facts = storyFacts(input);
  const words = WORDS[language];
  return { happened: words.happened(facts), done: words.done(facts), request: words.request(facts) };
}
