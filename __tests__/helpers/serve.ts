/** HTTP servers, raw clients, and waiting for a condition. */
import { createServer } from 'node:http';
import type { RequestListener, Server, ServerOptions } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

/** A server on 127.0.0.1, on a free port by default. It stops at the end of its scope. */
export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
}

export async function serve(
  listener: RequestListener,
  options: ServerOptions = {},
  wantedPort = 0,
): Promise<TestServer> {
  const server = createServer(options, listener);
  server.listen(wantedPort, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A client that writes raw bytes, and keeps all that it receives. */
export class RawClient {
  readonly socket: Socket;
  received = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => (this.received += text));
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Sends pipelined GET requests. */
  get(...paths: string[]): void {
    this.socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`).join(''));
  }

  /** Sends a POST request with a body of `bytes` bytes, as far as the server reads it. */
  upload(bytes: number): void {
    this.socket.write(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${bytes}\r\n\r\n`);
    this.socket.write(Buffer.alloc(bytes));
  }

  /** Resolves once the client has received `text`. */
  async receives(text: string): Promise<void> {
    await until(() => this.received.includes(text));
  }

  /** Resolves once the server has ended the connection, also if it did so before. */
  async ends(): Promise<void> {
    await until(() => this.socket.readableEnded);
  }

  /** Resets the connection. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** Counts the open connections of `server`. */
export function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** Resolves once `server` has no open connection. */
export async function allGone(server: Server): Promise<void> {
  await until(async () => (await connectionsOf(server)) === 0);
}

/** How long `until` looks once a turn of the event loop, in milliseconds. After that it looks once a millisecond. */
const EAGER_MS = 10;

/**
 * Resolves as soon as `condition` holds. Rejects after `limitMs` milliseconds. A long wait leaves the processor to the
 * tests that run beside it.
 */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 120_000): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    const waited = performance.now() - start;
    if (waited > limitMs) throw new Error(`never became true: ${condition.toString()}`);
    await (waited < EAGER_MS ? turn() : sleep(1));
  }
}

/**
 * Whether one of five attempts succeeds. For what a limiter does unless a busy machine stops its process for longer than
 * a time limit.
 */
export async function succeedsOnce(attempt: () => Promise<boolean>): Promise<boolean> {
  for (let left = 5; left > 0; left--) if (await attempt()) return true;
  return false;
}

/** A promise that its owner settles. */
export interface Deferred<Value = void> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (reason: unknown) => void;
}

export function defer<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
