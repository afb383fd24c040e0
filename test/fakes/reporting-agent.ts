import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { loadIdentity } from '../../endpoint-agent/src/identity/identity.ts';
import { createIdentityStore } from '../../endpoint-agent/src/identity/identity-store.ts';
import { systemClock } from '../../endpoint-agent/src/platform/clock.ts';
import { systemRandom } from '../../endpoint-agent/src/platform/random.ts';
import { createSpool } from '../../endpoint-agent/src/spool/create-spool.ts';
import { createUplink } from '../../endpoint-agent/src/uplink/create-uplink.ts';
import { eventItem, storyItem } from './items.ts';
import { seededRandom } from './time.ts';

/**
 * The agent's spool and uplink as a process: appends bursts and sends them until it is killed, or, with
 * BURSTS 0, only sends what is left and ends when the console has acknowledged everything. Each append that
 * returned is said as one line: `stored <storyId> ...`.
 */
const [stateDir, seed, run, bursts] = process.argv.slice(2);
if (stateDir === undefined || run === undefined) throw new Error('usage: reporting-agent DIR SEED RUN BURSTS');
const silent = { debug: () => {}, info: () => {}, warn: () => {} };
const loaded = loadIdentity(stateDir);
if (!loaded.ok) throw new Error(loaded.code);
const random = seededRandom(Number(seed));
const spool = createSpool({ dir: join(stateDir, 'spool'), clock: systemClock, random: systemRandom });
const stop = new AbortController();
const uplink = createUplink({
  identity: createIdentityStore(stateDir, loaded.identity),
  spool,
  clock: systemClock,
  random: { ...systemRandom, fraction: () => 0 },
  log: silent,
  hello: { agentVersion: '0.1.0', platform: 'linux', hostname: hostname() },
  onOrder: () => Promise.resolve({ orderId: 'unverified', accepted: false, code: 'order_signature' }),
});
const running = uplink.run(stop.signal);
process.send?.({ type: 'ready' });
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

for (let burst = 0; burst < Number(bursts); burst += 1) {
  const size = 1 + Math.floor(random.fraction() * 30);
  const bodies = Array.from({ length: size }, (_, index) =>
    random.fraction() < 0.4 ? storyItem(`${run}-${burst}-${index}`, 1) : eventItem(burst * 100 + index),
  );
  spool.append(bodies);
  const stories = bodies.flatMap((body) => (body.type === 'story' ? [body.story.storyId] : []));
  if (stories.length > 0) writeSync(1, `stored ${stories.join(' ')}\n`);
  await pause(random.fraction() * 20);
}
const left = (): number => Object.values(spool.status().pending).reduce((sum, count) => sum + count, 0);
while (left() > 0) await pause(50);
stop.abort();
await running;
spool[Symbol.dispose]();
