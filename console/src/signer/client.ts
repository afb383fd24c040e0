import { connect, type Socket } from 'node:net';
import type { z } from 'zod';
import { readLines } from './lines.ts';
import {
  ADMIN_ANSWERS,
  type AdminAnswers,
  type AdminRequest,
  type AdminVerb,
  type Answer,
  accepted,
  CONSOLE_ANSWERS,
  type ConsoleAnswers,
  type ConsoleRequest,
  type ConsoleVerb,
  ResponseLine,
  refused,
  SIGNER_LINE_BYTES,
  type SignerRefusal,
} from './messages.ts';

/** `signer_unavailable`: not reachable, or no answer in time. Whether it acted is then unknown. */
export type SignerFailure = SignerRefusal | 'signer_unavailable';

type BodyOf<Request, Verb> = Omit<Extract<Request, { verb: Verb }>, 'id' | 'verb'>;

/** What the console may ask of the signer. Never rejects; connects by itself and again after a break. */
export interface SignerClient extends Disposable {
  call<Verb extends ConsoleVerb>(
    verb: Verb,
    body: BodyOf<ConsoleRequest, Verb>,
  ): Promise<Answer<ConsoleAnswers[Verb], SignerFailure>>;
}

/** What the local operator may ask of the signer. */
export interface SignerAdminClient extends Disposable {
  call<Verb extends AdminVerb>(
    verb: Verb,
    body: BodyOf<AdminRequest, Verb>,
  ): Promise<Answer<AdminAnswers[Verb], SignerFailure>>;
}

export interface SignerClientOptions {
  readonly socket: string;
  /** From the call to the answer, connecting included. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** Requests without an answer; beyond that callers are told `signer_unavailable` at once. */
const MAX_PENDING = 1_024;

export function createSignerClient(options: SignerClientOptions): SignerClient {
  const line = new LineClient(options);
  return {
    call: <Verb extends ConsoleVerb>(verb: Verb, body: BodyOf<ConsoleRequest, Verb>) =>
      line.call<ConsoleAnswers[Verb]>(verb, body, CONSOLE_ANSWERS[verb]),
    [Symbol.dispose]: () => line[Symbol.dispose](),
  };
}

export function createSignerAdminClient(options: SignerClientOptions): SignerAdminClient {
  const line = new LineClient(options);
  return {
    call: <Verb extends AdminVerb>(verb: Verb, body: BodyOf<AdminRequest, Verb>) =>
      line.call<AdminAnswers[Verb]>(verb, body, ADMIN_ANSWERS[verb]),
    [Symbol.dispose]: () => line[Symbol.dispose](),
  };
}

interface Pending {
  readonly settle: (response: ResponseLine | undefined) => void;
}

/** One connection with any number of requests under way, matched by their ids. */
class LineClient implements Disposable {
  readonly #options: SignerClientOptions;
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | undefined;
  #lastId = 0;

  constructor(options: SignerClientOptions) {
    this.#options = options;
  }

  async call<T>(verb: string, body: object, schema: z.ZodType<T>): Promise<Answer<T, SignerFailure>> {
    const response = await this.#request(verb, body);
    if (response === undefined) return refused('signer_unavailable', 'the signer does not answer');
    if (!response.ok) return refused(response.code, response.message);
    const value = schema.safeParse(response.value);
    // A signer of another version: nothing that it says can be used.
    return value.success
      ? accepted(value.data)
      : refused('signer_unavailable', "the signer's answer is not understood");
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
    this.#abandon();
  }

  async #request(verb: string, body: object): Promise<ResponseLine | undefined> {
    if (this.#pending.size >= MAX_PENDING) return undefined;
    this.#lastId += 1;
    const id = this.#lastId;
    const text = JSON.stringify({ ...body, id, verb });
    if (Buffer.byteLength(text) > SIGNER_LINE_BYTES) {
      return { id, ...refused('request_too_large', `a request may have ${SIGNER_LINE_BYTES} bytes at most`) };
    }
    return await new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      const settle = (response: ResponseLine | undefined): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(response);
      };
      this.#pending.set(id, { settle });
      this.#connected().write(`${text}\n`);
    });
  }

  #connected(): Socket {
    if (this.#socket !== undefined && !this.#socket.destroyed) return this.#socket;
    const socket = connect(this.#options.socket);
    this.#socket = socket;
    // Held open between requests, but never the reason why a process does not end.
    socket.unref();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (this.#socket === socket) this.#abandon();
    });
    void this.#read(socket);
    return socket;
  }

  async #read(socket: Socket): Promise<void> {
    try {
      for await (const line of readLines(socket, { maxBytes: SIGNER_LINE_BYTES * 2, incompleteMs: 10_000 })) {
        const response = ResponseLine.safeParse(parseJson(line));
        if (!response.success || response.data.id === undefined) break;
        this.#pending.get(response.data.id)?.settle(response.data);
      }
    } catch {
      // The connection ended or its framing broke: whoever waits is told by `close`.
    } finally {
      socket.destroy();
    }
  }

  #abandon(): void {
    this.#socket = undefined;
    for (const { settle } of this.#pending.values()) settle(undefined);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
