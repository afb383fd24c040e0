import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ActionOutcome, Item, ItemBody } from '@yagura/protocol';
import { expect, test } from 'vitest';
import { type AgentPeer, batchOf, enrolPeer, itemOf, openSession, type PeerState } from '../fakes/agent-peer.ts';
import { aStory, EPOCH_TIME } from '../fakes/items.ts';
import { startSigner } from '../fakes/running-signer.ts';
import { type ConsoleProcess, consoleEnvironment, startConsoleProcess } from '../support/console-process.ts';
import { freePort } from '../support/local-installation.ts';

const KILLS = Number(process.env['YAGURA_CONSOLE_KILLS'] ?? 50);
const SEED = Number(process.env['YAGURA_SEED'] ?? 20_261_124);
const ENDPOINTS = 4;
const CLI = fileURLToPath(new URL('../../console/src/cli/main.ts', import.meta.url));

/** mulberry32: the whole run follows from the seed, as far as the system's scheduling lets it. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** An endpoint that keeps what is not acknowledged and sends it again, in batches of other sizes each time. */
class ResendingEndpoint {
  readonly state: PeerState;
  readonly epoch: string;
  readonly pending = new Map<number, Item>();
  readonly acknowledged = new Map<number, Item>();
  #sequence = 0;
  #batchId = 0;
  #story = 0;

  constructor(state: PeerState) {
    this.state = state;
    this.epoch = `epoch-${state.origin.endpointId}`;
  }

  /** Spools a burst: events, revisions of a few stories, outcomes. */
  spool(random: () => number): void {
    const count = 40 + Math.floor(random() * 160);
    for (let index = 0; index < count; index += 1) {
      this.#sequence += 1;
      this.pending.set(this.#sequence, itemOf(this.#sequence, this.#bodyOf(random)));
    }
  }

  #bodyOf(random: () => number): ItemBody | undefined {
    const kind = random();
    if (kind < 0.1) {
      this.#story += 1;
      const story = 1 + Math.floor(random() * 20);
      return { type: 'story', story: aStory(`story-${story}`, this.#story) };
    }
    if (kind < 0.2) return { type: 'outcome', outcome: outcomeOf(`act-${this.#sequence}`) };
    return undefined;
  }

  /** Sends all that is pending until everything is acknowledged or the connection is lost. */
  async run(port: number, random: () => number): Promise<void> {
    let peer: AgentPeer;
    try {
      peer = await openSession(port, this.state, { epoch: this.epoch, lastSequence: this.#sequence });
    } catch {
      return;
    }
    try {
      while (this.pending.size > 0) {
        const window = 1 + Math.floor(random() * 4);
        for (let open = 0; open < window; open += 1) {
          const size = 1 + Math.floor(random() * 60);
          const start = Math.floor(random() * Math.max(1, this.pending.size - size));
          const items = [...this.pending.values()].slice(start, start + size);
          this.#batchId += 1;
          peer.sendBatch(batchOf(this.#batchId, items, this.epoch));
        }
        for (let open = 0; open < window; open += 1) this.#take(await peer.next());
      }
    } catch {
      // The console was killed: what is pending comes again.
    } finally {
      peer.socket.terminate();
    }
  }

  #take(frame: Awaited<ReturnType<AgentPeer['next']>>): void {
    if (frame.type !== 'ack') throw new Error(`unexpected ${JSON.stringify(frame)}`);
    for (const [from, to] of frame.ranges) {
      for (let sequence = from; sequence <= to; sequence += 1) {
        const item = this.pending.get(sequence);
        if (item === undefined) continue;
        this.pending.delete(sequence);
        this.acknowledged.set(sequence, item);
      }
    }
  }
}

function outcomeOf(actionId: string): ActionOutcome {
  return {
    actionId,
    kind: 'freeze-tree',
    origin: 'policy',
    target: { pid: 1_234 },
    ok: true,
    code: 'done',
    startedAt: EPOCH_TIME,
    endedAt: EPOCH_TIME + 1,
  };
}

/** Compares the database, which nobody holds now, with what the endpoint was told. */
function faultsOf(database: string, endpoint: ResendingEndpoint): string[] {
  const db = new DatabaseSync(database);
  const { endpointId } = endpoint.state.origin;
  const faults: string[] = [];
  const column = (sql: string): unknown[] =>
    db
      .prepare(sql)
      .all(endpointId)
      .map((row) => Object.values(row)[0]);
  const events = column('SELECT sequence FROM events WHERE endpoint_id = ?');
  const outcomes = new Set(column('SELECT action_id FROM outcomes WHERE endpoint_id = ?'));
  const revisions = new Map(
    db
      .prepare('SELECT story_id, revision FROM incidents WHERE endpoint_id = ?')
      .all(endpointId)
      .map((row) => [row['story_id'], Number(row['revision'])]),
  );
  const stored = new Set(events);
  if (stored.size !== events.length) faults.push('an event is there twice');
  const incidents = column('SELECT story_id FROM incidents WHERE endpoint_id = ?');
  if (new Set(incidents).size !== incidents.length) faults.push('a story has two incidents');
  for (const [sequence, { body }] of endpoint.acknowledged) {
    if (body.type === 'event' && !stored.has(sequence)) faults.push(`event ${sequence} was acknowledged and is lost`);
    if (body.type === 'outcome' && !outcomes.has(body.outcome.actionId)) faults.push(`outcome ${sequence} is lost`);
    if (body.type === 'story' && (revisions.get(body.story.storyId) ?? 0) < body.story.revision) {
      faults.push(`revision ${body.story.revision} of ${body.story.storyId} was acknowledged and is lost`);
    }
  }
  const known = new Set([...endpoint.acknowledged.keys(), ...endpoint.pending.keys()]);
  for (const sequence of stored)
    if (!known.has(Number(sequence))) faults.push(`event ${String(sequence)} was never sent`);
  db.close();
  return faults;
}

test(
  `[UP3] [UP4] ${KILLS} kills of the console in the middle of bursts (seed ${SEED}) lose and double nothing`,
  async () => {
    const random = seeded(SEED);
    const directory = mkdtempSync(join(tmpdir(), 'yagura-kill-'));
    await using signer = await startSigner();
    const options = { directory, signerSocket: signer.socket, gatewayPort: await freePort() };
    const database = join(directory, 'console', 'console.db');
    let running: ConsoleProcess = await startConsoleProcess(options);
    try {
      const endpoints: ResendingEndpoint[] = [];
      for (let index = 0; index < ENDPOINTS; index += 1) {
        const { stdout: token } = await promisify(execFile)(process.execPath, [CLI, 'token', 'create'], {
          env: consoleEnvironment(options),
          encoding: 'utf8',
        });
        endpoints.push(
          new ResendingEndpoint(await enrolPeer(options.gatewayPort, token.trim().split('\n').at(-1) ?? '')),
        );
      }
      let interrupted = 0;
      for (let kill = 1; kill <= KILLS; kill += 1) {
        for (const endpoint of endpoints) endpoint.spool(random);
        const sending = endpoints.map((endpoint) => endpoint.run(options.gatewayPort, random));
        await delay(20 + random() * 120);
        await running.kill();
        await Promise.all(sending);
        if (endpoints.some((endpoint) => endpoint.pending.size > 0)) interrupted += 1;
        for (const endpoint of endpoints) expect(faultsOf(database, endpoint), `kill ${kill}`).toEqual([]);
        running = await startConsoleProcess(options);
      }
      // A kill after everything was acknowledged proves little: most must have hit work under way.
      expect(interrupted).toBeGreaterThan(KILLS / 2);
      while (endpoints.some((endpoint) => endpoint.pending.size > 0)) {
        await Promise.all(endpoints.map((endpoint) => endpoint.run(options.gatewayPort, random)));
      }
      expect(await running.stop()).toBe(0);
      for (const endpoint of endpoints) {
        expect(faultsOf(database, endpoint)).toEqual([]);
        const events = [...endpoint.acknowledged.values()].filter((item) => item.body.type === 'event').length;
        const db = new DatabaseSync(database);
        const stored = db
          .prepare('SELECT count(*) AS events FROM events WHERE endpoint_id = ?')
          .get(endpoint.state.origin.endpointId);
        db.close();
        expect(stored?.['events']).toBe(events);
      }
    } finally {
      if (running.child.exitCode === null && running.child.signalCode === null) await running.kill();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000 + KILLS * 10_000,
);
