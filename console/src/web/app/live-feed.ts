import { LIVE_TOPICS, LiveMessage, type LiveTopic } from '../../api/index.ts';
import { browserTimers, createCoalescer } from './coalesce.ts';

export type LiveState = 'connecting' | 'live' | 'lost';

interface LiveFeedOptions {
  readonly url: string;
  /** Called for what has changed; for everything after a gap. */
  readonly onChanged: (topic: LiveTopic) => void;
  readonly onState: (state: LiveState) => void;
  readonly random?: () => number;
}

/** A fleet of thousands says something every moment; its list need not be asked for as often. */
const GAP_MS: Record<LiveTopic, number> = {
  endpoints: 2_000,
  incidents: 250,
  orders: 150,
  quarantine: 500,
  exclusions: 500,
  'rule-packs': 500,
  rules: 1_000,
  'rule-tunings': 1_000,
  tokens: 500,
  subscriptions: 1_000,
};

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 20_000;
/** A connection that lived this long was a good one: the next failure starts counting anew. */
const STEADY_MS = 10_000;

/** Full jitter: a restarted console is not met by all browsers at once. */
export function retryDelay(attempt: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}

/** Keeps one WebSocket to the live feed until `stop`; reconnects by itself, and then resyncs everything. */
export function startLiveFeed({ url, onChanged, onState, random = Math.random }: LiveFeedOptions): { stop(): void } {
  const changes = createCoalescer(onChanged, (topic) => GAP_MS[topic], browserTimers);
  const everything = () => {
    for (const topic of LIVE_TOPICS) changes.call(topic);
  };
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let connectedBefore = false;
  let stopped = false;

  const connect = () => {
    let openedAt: number | undefined;
    socket = new WebSocket(url);
    socket.addEventListener('open', () => {
      openedAt = performance.now();
      onState('live');
      if (connectedBefore) everything();
      connectedBefore = true;
    });
    socket.addEventListener('message', (message) => {
      const parsed = parseLive(message.data);
      if (parsed?.type === 'changed') changes.call(parsed.topic);
      else if (parsed?.type === 'resync') everything();
    });
    socket.addEventListener('close', () => {
      if (stopped) return;
      onState('lost');
      if (openedAt !== undefined && performance.now() - openedAt > STEADY_MS) attempt = 0;
      timer = setTimeout(connect, retryDelay(attempt, random));
      attempt += 1;
    });
  };
  const retryNow = () => {
    if (stopped || socket === undefined || socket.readyState < WebSocket.CLOSING) return;
    clearTimeout(timer);
    attempt = 0;
    connect();
  };
  window.addEventListener('online', retryNow);
  onState('connecting');
  connect();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      changes.stop();
      window.removeEventListener('online', retryNow);
      socket?.close();
    },
  };
}

function parseLive(data: unknown): LiveMessage | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const parsed = LiveMessage.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
