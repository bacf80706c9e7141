import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Which way bytes go: to the server, or back to the client. */
export type Direction = 'up' | 'down';

/** A way to a server of this machine that a test can block, slow down and cut. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<Record<Direction, Socket>>();
  readonly #blocked = new Set<Direction>();
  #delayMs = 0;
  #refuses = false;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (socket) => {
      if (this.#refuses) socket.resetAndDestroy();
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

  /** Connections stay open, but what is sent in these directions is kept back until `unblock`. */
  block(...directions: Direction[]): void {
    for (const direction of directions) this.#blocked.add(direction);
    for (const pair of this.#pairs) this.#apply(pair);
  }

  unblock(): void {
    this.#blocked.clear();
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** Whatever is sent arrives so much later. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Resets every connection; `refuses` says if new ones are, too. */
  cut(refuses = false): void {
    this.#refuses = refuses;
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

  /** `down` is the client's socket, as bytes that go down are written to it. */
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
