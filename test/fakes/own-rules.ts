import { readdirSync, readFileSync } from 'node:fs';
import { EventFields, PLATFORMS } from '@yagura/protocol';
import { z } from 'zod';

const FOLDER = new URL('../../endpoint-agent/rules/', import.meta.url);
const Fixtures = z.strictObject({
  /** Events of the attack, in several shapes. */
  match: z.array(EventFields).min(2),
  /** The attack disguised: other quotes, dashes, case, spaces, paths, a renamed program. */
  evasion: z.array(EventFields).min(1).optional(),
  /** Everyday events that look alike. */
  benign: z.array(EventFields).min(3),
});

/** A rule of the agent's own pack, as it lies on the disk. */
export interface OwnRule {
  readonly platform: (typeof PLATFORMS)[number];
  readonly name: string;
  /** Path within the pack, by which the loader knows it. */
  readonly file: string;
  readonly text: string;
}

/** Every rule of the own pack, by system and name. */
export const OWN_RULES: readonly OwnRule[] = PLATFORMS.flatMap((platform) =>
  namesOf(platform, '.yml').map((name) => {
    const file = `${platform}/${name}.yml`;
    return { platform, name, file, text: readFileSync(new URL(file, FOLDER), 'utf8') };
  }),
);

/** Names of a system's files with one ending, without it. */
export function namesOf(platform: OwnRule['platform'], ending: '.yml' | '.fixtures.json'): readonly string[] {
  return readdirSync(new URL(`${platform}/`, FOLDER))
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();
}

/** What the rule must find and what it must leave alone. Throws when the file is not as it must be. */
export function fixturesOf({ platform, name }: OwnRule): z.infer<typeof Fixtures> {
  return Fixtures.parse(JSON.parse(readFileSync(new URL(`${platform}/${name}.fixtures.json`, FOLDER), 'utf8')));
}
