// A stand-in for PostgreSQL: it speaks enough of the wire protocol for the simple queries of `pg`.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Answers each query with one row after a delay, and counts the queries that run at once. */
export class PostgresServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #running = 0;
  /** The greatest number of queries that ran at once. */
  most = 0;

  private constructor(delayMs: number) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      this.#serve(socket, delayMs);
    });
  }

  static async start(delayMs: number): Promise<PostgresServer> {
    const server = new PostgresServer(delayMs);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `postgres://app@127.0.0.1:${(this.#server.address() as AddressInfo).port}/app`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket, delayMs: number): void {
    let received = Buffer.alloc(0);
    let isStarted = false;
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      // Only the first message has no type byte before its length.
      for (;;) {
        const start = isStarted ? 1 : 0;
        if (received.length < start + 4) return;
        const length = start + received.readInt32BE(start);
        if (received.length < length) return;
        const type = isStarted ? String.fromCharCode(received[0] ?? 0) : 'startup';
        received = received.subarray(length);
        isStarted = true;
        if (type === 'startup') socket.write(Buffer.concat([message('R', int32(0)), READY]));
        else if (type === 'Q') void this.#answer(socket, delayMs);
        else if (type === 'X') socket.end();
      }
    });
  }

  async #answer(socket: Socket, delayMs: number): Promise<void> {
    this.most = Math.max(this.most, ++this.#running);
    await sleep(delayMs);
    this.#running--;
    if (!socket.destroyed) socket.write(Buffer.concat([COLUMNS, ROW, message('C', text('SELECT 1')), READY]));
  }
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

const TEXT_TYPE = 25;
const READY = message('Z', Buffer.from('I'));
/** One column `name` of the type text. */
const COLUMNS = message(
  'T',
  int16(1),
  text('name'),
  int32(0),
  int16(0),
  int32(TEXT_TYPE),
  int16(-1),
  int32(-1),
  int16(0),
);
const ROW = message('D', int16(1), int32(5), Buffer.from('alice'));
