// A server that runs one of the apps of examples/migrating, and the clients that a test connects to it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { request } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Express } from 'express';
import { defer, serve, until } from '../helpers/serve.js';
import type { Deferred, TestServer } from '../helpers/serve.js';

/** Makes an app that runs one report at a time and lets two requests wait. */
export type CreateApp = (makeReport: (user: string) => Promise<string>) => Express;

/** Turns of the event loop after which all work that needs no other event is done. */
const TURNS = 100;

/** An app on a real server. The test decides when each report is done. */
export class Desk implements AsyncDisposable {
  readonly #server: TestServer;
  readonly #arrived = new Set<string>();
  readonly #left = new Set<string>();
  readonly #reports = new Map<string, Deferred<string>>();
  /** For each report, the user whose async context it started in. */
  readonly contexts = new Map<string, string | undefined>();

  private constructor(server: TestServer) {
    this.#server = server;
  }

  static async open(createApp: CreateApp): Promise<Desk> {
    const store = new AsyncLocalStorage<string>();
    let listener: RequestListener = () => undefined;
    const desk = new Desk(
      await serve((req, res) => {
        listener(req, res);
      }),
    );
    const app = createApp((user) => desk.#start(user, store.getStore()));
    listener = (req, res) => {
      const user = userOf(req);
      desk.#arrived.add(user);
      res.on('close', () => desk.#left.add(user));
      store.run(user, () => {
        app(req, res);
      });
    };
    return desk;
  }

  /** Sends a request for the report of `user`. Resolves when the app has received it. */
  async request(user: string): Promise<Client> {
    const client = new Client(`${this.#server.url}/report/${user}`);
    await until(() => this.#arrived.has(user));
    return client;
  }

  /** Whether the report is started, now or after all pending work. */
  async isStarted(user: string): Promise<boolean> {
    for (let turn = 0; turn < TURNS && !this.#reports.has(user); turn++) await nextTurn();
    return this.#reports.has(user);
  }

  finish(user: string): void {
    this.#reports.get(user)?.resolve(`report of ${user}`);
  }

  /** Disconnects the client. Resolves when the server has noticed. */
  async leave(client: Client, user: string): Promise<void> {
    client.leave();
    await until(() => this.#left.has(user));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #start(user: string, context: string | undefined): Promise<string> {
    this.contexts.set(user, context);
    const report = defer<string>();
    this.#reports.set(user, report);
    return report.promise;
  }
}

/** One request on its own connection. */
export class Client {
  readonly #request;
  #response: IncomingMessage | undefined;

  constructor(url: string) {
    this.#request = request(url, { agent: false }).end();
    this.#request.on('error', () => undefined);
    this.#request.on('response', (response) => {
      this.#response = response.resume();
    });
  }

  leave(): void {
    this.#request.destroy();
  }

  /** The status, and whether there is a `Retry-After`; or `'waits'` while there is no response. */
  async answer(): Promise<string> {
    for (let turn = 0; turn < TURNS && this.#response === undefined; turn++) await nextTurn();
    if (this.#response === undefined) return 'waits';
    const { statusCode, headers } = this.#response;
    return headers['retry-after'] === undefined ? String(statusCode) : `${statusCode} with Retry-After`;
  }
}

function userOf({ url = '' }: IncomingMessage): string {
  return url.slice('/report/'.length);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
