import { setTimeout as delay } from 'node:timers/promises';
import { type EnrolmentToken } from '@yagura/protocol';
import { enrolSimulated, fetchAuthority, type SimulatedIdentity } from './enrolment.ts';
import { SimulatedEndpoint } from './simulated-endpoint.ts';

export interface SimulationOptions {
  /** Replaces the address in the tokens, never whom to trust. */
  readonly gateway?: URL;
  /** One for each endpoint. */
  readonly tokens: readonly EnrolmentToken[];
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  /** One line about how far it is. */
  readonly onProgress: (line: string) => void;
}

export interface SimulationResult {
  readonly endpoints: number;
  readonly offeredPerSecond: number;
  /** Acknowledged events, divided by the time until the last acknowledgement. */
  readonly acknowledgedPerSecond: number;
  readonly events: number;
  /** Events that the wanted rate asked for and that were not made, since the console was too slow for them. */
  readonly heldBack: number;
  readonly acknowledged: number;
  readonly seconds: number;
  readonly ackLatencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly enrolSeconds: number;
  readonly connectSeconds: number;
  /** Codes of refusals and broken sessions, with how often they came. */
  readonly problems: Readonly<Record<string, number>>;
  readonly identities: readonly SimulatedIdentity[];
}

const TICK_MS = 50;
const PARALLEL = 16;
/** How long acknowledgements may take after the last event. */
const DRAIN_MS = 60_000;
/** Latencies kept for the percentiles; beyond that every second one is dropped. */
const MAX_SAMPLES = 200_000;

/** Enrols, connects, sends at the wanted rate, waits for the last acknowledgement. Throws `SimulationError`. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { tokens, monotonic, onProgress } = options;
  const first = tokens[0];
  if (first === undefined) throw new RangeError('a simulation needs at least one token');
  const gateway = options.gateway ?? new URL(first.gateway);
  const ca = await fetchAuthority(gateway, first.ca);
  let latencies: number[] = [];
  let keepEvery = 1;
  let samples = 0;
  let acknowledged = 0;
  let lastAcknowledgedAt = 0;
  const problems: Record<string, number> = {};

  const enrolStarted = monotonic();
  const identities = await inParallel(tokens, (token, index) => enrolSimulated(gateway, ca, token, `sim-${index}`));
  const connectStarted = monotonic();
  onProgress(`${identities.length} endpoints enrolled`);
  const endpoints = await inParallel(identities, async (identity, index) => {
    const endpoint = new SimulatedEndpoint({
      gateway,
      ca,
      identity,
      now: options.now,
      monotonic,
      phase: index / identities.length,
      onAcknowledged(items, latencyMs) {
        acknowledged += items;
        lastAcknowledgedAt = monotonic();
        samples += 1;
        if (samples % keepEvery === 0) latencies.push(latencyMs);
        if (latencies.length >= MAX_SAMPLES) {
          latencies = latencies.filter((_, position) => position % 2 === 0);
          keepEvery *= 2;
        }
      },
      onProblem(code) {
        problems[code] = (problems[code] ?? 0) + 1;
      },
    });
    await endpoint.open(`sim-${index}`);
    return endpoint;
  });
  const connected = monotonic();
  onProgress(`${endpoints.length} endpoints connected`);
  await waitUntil(() => endpoints.every((endpoint) => endpoint.outstanding === 0));
  acknowledged = 0;
  latencies = [];

  const started = monotonic();
  const { events, heldBack } = await produce(endpoints, options, started);
  await waitUntil(() => {
    for (const endpoint of endpoints) endpoint.flush(true);
    return endpoints.every((endpoint) => endpoint.outstanding === 0);
  });
  const elapsed = (Math.max(lastAcknowledgedAt, started + 1) - started) / 1_000;
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => round(latencies[Math.floor((latencies.length - 1) * share)] ?? 0);
  return {
    endpoints: endpoints.length,
    offeredPerSecond: options.eventsPerSecond,
    acknowledgedPerSecond: Math.round(acknowledged / elapsed),
    events,
    heldBack,
    acknowledged,
    seconds: round(elapsed),
    ackLatencyMs: { p50: percentile(0.5), p99: percentile(0.99), max: percentile(1) },
    enrolSeconds: round((connectStarted - enrolStarted) / 1_000),
    connectSeconds: round((connected - connectStarted) / 1_000),
    problems,
    identities,
  };
}

/** Gives every endpoint its share of what is due by now, until the time is over. */
async function produce(
  endpoints: readonly SimulatedEndpoint[],
  options: SimulationOptions,
  started: number,
): Promise<{ events: number; heldBack: number }> {
  let asked = 0;
  let events = 0;
  let turn = 0;
  let reported = started;
  for (;;) {
    const elapsed = Math.min(options.monotonic() - started, options.seconds * 1_000);
    const due = Math.floor((elapsed / 1_000) * options.eventsPerSecond) - asked;
    const share = Math.floor(due / endpoints.length);
    // What does not divide goes to the next ones in turn.
    const extra = due - share * endpoints.length;
    for (const [index, endpoint] of endpoints.entries()) {
      const position = (index - turn + endpoints.length) % endpoints.length;
      events += endpoint.produce(share + (position < extra ? 1 : 0));
    }
    turn = (turn + extra) % endpoints.length;
    asked += due;
    if (elapsed >= options.seconds * 1_000) return { events, heldBack: asked - events };
    if (options.monotonic() - reported >= 5_000) {
      reported = options.monotonic();
      options.onProgress(`${events} events made`);
    }
    await delay(TICK_MS);
  }
}

async function waitUntil(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (!condition() && performance.now() < deadline) await delay(TICK_MS);
}

async function inParallel<In, Out>(
  inputs: readonly In[],
  work: (input: In, index: number) => Promise<Out>,
): Promise<Out[]> {
  const outputs: Out[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < inputs.length) {
      const index = next;
      next += 1;
      const input = inputs[index];
      if (input !== undefined) outputs[index] = await work(input, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, inputs.length) }, worker));
  return outputs;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
