import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { type Load, paced, type Window } from './load.ts';

/** A name server of our own, on an address of this machine that nobody else listens on. */
const NAME_SERVER = '127.77.0.53';
const DNS_PORT = 53;
const HEADER_BYTES = 12;
/** QR, RD and RA; one question and one answer. */
const ANSWER_FLAGS = 0x8180;
/** Points to the name in the question, type A, class IN, a time to live of 1 s, four bytes: 127.0.0.1. */
const ANSWER = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
export const QUERY_SUFFIX = '.soak.example';

export interface NetworkRates {
  readonly connections: number;
  readonly datagrams: number;
  readonly queries: number;
}

/** The address in 127.0.0.0/8 that stands for one act of a window: equal ones would be reported together. */
export function addressOf({ index }: Pick<Window, 'index'>, act: number): string {
  return `127.${(index % 250) + 1}.${(act >> 8) & 0xff}.${act & 0xff}`;
}

/** TCP connections, UDP datagrams and DNS queries to listeners of our own on loopback. */
export class NetworkLoad implements Load, AsyncDisposable {
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly #rates: NetworkRates;
  readonly #server: Server;
  readonly #receiver: DatagramSocket;
  readonly #nameServer: DatagramSocket;
  readonly #sender = createSocket('udp4');
  readonly #resolver = new Resolver({ timeout: 5_000, tries: 1 });

  private constructor(rates: NetworkRates, server: Server, receiver: DatagramSocket, nameServer: DatagramSocket) {
    this.#rates = rates;
    this.#server = server;
    this.#receiver = receiver;
    this.#nameServer = nameServer;
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.tcpPort = address.port;
    this.udpPort = receiver.address().port;
    this.#resolver.setServers([NAME_SERVER]);
  }

  static async open(rates: NetworkRates): Promise<NetworkLoad> {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end();
    }).listen(0);
    await once(server, 'listening');
    const receiver = createSocket('udp4').bind(0);
    await once(receiver, 'listening');
    const nameServer = createSocket('udp4');
    nameServer.on('message', (query, { port, address }) => nameServer.send(answerTo(query), port, address));
    nameServer.bind(DNS_PORT, NAME_SERVER);
    await once(nameServer, 'listening');
    return new NetworkLoad(rates, server, receiver, nameServer);
  }

  async run(window: Window): Promise<Readonly<Record<string, number>>> {
    const { seconds, mark } = window;
    const { connections, datagrams, queries } = this.#rates;
    let unanswered = 0;
    const [tcp, udp, dns] = await Promise.all([
      paced(connections, seconds, (index) => this.#connect(addressOf(window, index))),
      paced(datagrams, seconds, (index) => this.#send(addressOf(window, index))),
      paced(queries, seconds, async (index) => {
        // On a busy machine an answer may come too late for the asker: the question was put all the same.
        await this.#resolver.resolve4(`${mark}-${index}${QUERY_SUFFIX}`).catch(() => {
          unanswered += 1;
        });
      }),
    ]);
    return { connections: tcp, datagrams: udp, queries: dns, ...(unanswered > 0 ? { unanswered } : {}) };
  }

  async #connect(host: string): Promise<void> {
    const socket = connect(this.tcpPort, host);
    socket.resume();
    await once(socket, 'close');
  }

  #send(host: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sender.send('soak', this.udpPort, host, (error) => (error ? reject(error) : resolve()));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender.close();
    this.#receiver.close();
    this.#nameServer.close();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The query with an answer behind its one question. */
function answerTo(query: Buffer): Buffer {
  let end = HEADER_BYTES;
  while (end < query.length && query[end] !== 0) end += (query[end] ?? 0) + 1;
  const head = Buffer.from(query.subarray(0, end + 5));
  head.writeUInt16BE(ANSWER_FLAGS, 2);
  head.writeUInt16BE(1, 6);
  head.fill(0, 8, HEADER_BYTES);
  return Buffer.concat([head, ANSWER]);
}
