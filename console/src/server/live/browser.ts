import type { WebSocket } from 'ws';
import type { LiveMessage, LiveTopic } from '../../api/live.ts';
import type { ActiveSession } from '../../contexts/identity/api.ts';
import { TopicBuffer } from './topic-buffer.ts';

/** One browser's end of the feed. */
export class Browser {
  readonly socket: WebSocket;
  readonly session: ActiveSession;
  readonly cookieSecret: string;
  readonly #buffer = new TopicBuffer();
  readonly #maxBufferedBytes: number;
  #alive = true;
  #behind = false;

  constructor(socket: WebSocket, session: ActiveSession, cookieSecret: string, maxBufferedBytes: number) {
    this.socket = socket;
    this.session = session;
    this.cookieSecret = cookieSecret;
    this.#maxBufferedBytes = maxBufferedBytes;
    socket.on('pong', () => {
      this.#alive = true;
    });
  }

  add(topic: LiveTopic, id: string | undefined): void {
    this.#buffer.add(topic, id);
  }

  /**
   * Sends what waits. A browser that does not read loses it, and is told to ask for everything anew once it
   * reads again: `fell-behind` the first time, `behind` as long as that lasts.
   */
  flush(): 'sent' | 'fell-behind' | 'behind' {
    if (this.socket.bufferedAmount > this.#maxBufferedBytes) {
      this.#buffer.clear();
      if (this.#behind) return 'behind';
      this.#behind = true;
      return 'fell-behind';
    }
    const waiting = this.#buffer.take();
    const messages: LiveMessage[] = this.#behind ? [{ type: 'resync' }] : waiting;
    this.#behind = false;
    for (const message of messages) {
      if (this.socket.readyState === this.socket.OPEN) this.socket.send(JSON.stringify(message));
    }
    return 'sent';
  }

  /** Asks for a sign of life; ends the socket when the last question had no answer. */
  ping(): void {
    if (!this.#alive) {
      this.socket.terminate();
      return;
    }
    this.#alive = false;
    this.socket.ping();
  }
}
