import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** The direction of bytes: `up` to the server, `down` to the client. */
export type Direction = 'up' | 'down';

/** A proxy to a local server. A test can block it, slow it down and cut its connections. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<Record<Direction, Socket>>();
  readonly #blocked = new Set<Direction>();
  #delayMs = 0;
  #resets = false;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (socket) => {
      if (this.#resets) socket.resetAndDestroy();
      else this.#join(socket);
    });
  }

  static async to(target: number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Keeps connections open, and holds all bytes in these directions until `unblock`. */
  block(...directions: Direction[]): void {
    for (const direction of directions) this.#blocked.add(direction);
    for (const pair of this.#pairs) this.#apply(pair);
  }

  unblock(): void {
    this.#blocked.clear();
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** Delays all bytes by `ms` milliseconds. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Resets every connection, and each new one when `resetsNew` is true. */
  cut(resetsNew = false): void {
    this.#resets = resetsNew;
    for (const { up, down } of this.#pairs) {
      up.destroy();
      down.resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut(true);
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Connects a client's socket, named `down` because bytes to the client are written to it, with the server. */
  #join(down: Socket): void {
    const up = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    const pair = { up, down };
    this.#pairs.add(pair);
    this.#carry(down, up);
    this.#carry(up, down);
    for (const socket of [up, down]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        up.destroy();
        down.destroy();
        this.#pairs.delete(pair);
      });
    }
    this.#apply(pair);
  }

  #carry(from: Socket, to: Socket): void {
    from.on('data', (bytes) => {
      if (this.#delayMs === 0) to.write(bytes);
      else setTimeout(() => to.write(bytes), this.#delayMs);
    });
  }

  #apply({ up, down }: Record<Direction, Socket>): void {
    if (this.#blocked.has('up')) down.pause();
    else down.resume();
    if (this.#blocked.has('down')) up.pause();
    else up.resume();
  }
}
