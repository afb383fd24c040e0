import { writeSync } from 'node:fs';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { systemRandom } from '../../endpoint-agent/src/platform/random.ts';
import { createSpool } from '../../endpoint-agent/src/spool/create-spool.ts';
import { eventItem, storyItem } from './items.ts';
import { seededRandom } from './time.ts';

/**
 * Appends bursts until it is killed. For every append that returned it writes one line: the appended
 * items as `sequence:name`; then now and then acknowledges what it was given, saying so beforehand
 * (`ack from to`), as the uplink would.
 */
const [dir, seed, run] = process.argv.slice(2);
if (dir === undefined) throw new Error('usage: spool-burster DIR SEED RUN');
const random = seededRandom(Number(seed));
const spool = createSpool({ dir, clock: systemClock, random: systemRandom, limits: { ballastBytes: 0 } });
const say = (line: string): void => void writeSync(1, `${line}\n`);
say(`epoch ${spool.status().epoch}`);
for (let burst = 0; ; burst += 1) {
  const size = 1 + Math.floor(random.fraction() * 40);
  const bodies = Array.from({ length: size }, (_, index) =>
    random.fraction() < 0.3
      ? storyItem(`${run}-${burst}-${index}`, 1, 'high', `rule-${burst}`)
      : eventItem(burst * 100 + index),
  );
  const items = spool.append(bodies);
  say(`stored ${items.map((item) => `${item.sequence}:${item.body.type}`).join(' ')}`);
  if (random.fraction() < 0.2) {
    const [first] = spool.next({ items: 5, bytes: 100_000 }, new Set());
    if (first === undefined) continue;
    say(`ack ${first.sequence} ${first.sequence}`);
    spool.acknowledge([[first.sequence, first.sequence]]);
  }
}
