import { AsyncLocalStorage } from 'node:async_hooks';
import { request } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Express } from 'express';
import { defer, serve, until } from '../helpers/serve.js';
import type { Deferred, TestServer } from '../helpers/serve.js';

/** An app that limits to one report at a time, and two requests in line. */
export type CreateApp = (makeReport: (user: string) => Promise<string>) => Express;

/** So many turns of the event loop are enough for whatever is going to happen by itself. */
const TURNS = 100;

/** An app on a real server, whose reports take as long as they are told to, and its clients. */
export class Desk implements AsyncDisposable {
  readonly #server: TestServer;
  readonly #arrived = new Set<string>();
  readonly #left = new Set<string>();
  readonly #reports = new Map<string, Deferred<string>>();
  /** Whose request's async context each report was begun in. */
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
    const app = createApp((user) => desk.#begin(user, store.getStore()));
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

  /** A client of this name asks for its report; resolves once the app has been asked. */
  async ask(user: string): Promise<Client> {
    const client = new Client(`${this.#server.url}/report/${user}`);
    await until(() => this.#arrived.has(user));
    return client;
  }

  /** Whether the report is being made, now or as soon as what is under way has happened. */
  async isBegun(user: string): Promise<boolean> {
    for (let turn = 0; turn < TURNS && !this.#reports.has(user); turn++) await nextTurn();
    return this.#reports.has(user);
  }

  finish(user: string): void {
    this.#reports.get(user)?.resolve(`report of ${user}`);
  }

  /** The client goes; resolves once the server knows. */
  async leave(client: Client, user: string): Promise<void> {
    client.leave();
    await until(() => this.#left.has(user));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  #begin(user: string, context: string | undefined): Promise<string> {
    this.contexts.set(user, context);
    const report = defer<string>();
    this.#reports.set(user, report);
    return report.promise;
  }
}

/** One request on a connection of its own. */
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

  /** The status, and whether it says when to come again; or that there is no answer yet. */
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
