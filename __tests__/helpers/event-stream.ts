import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';

/** A client of server-sent events, each of which it reads as JSON. */
export class EventStream<Data> {
  readonly response: IncomingMessage;
  #text = '';
  #isOver = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => (this.#text += text));
    response.on('error', () => undefined);
    response.once('close', () => (this.#isOver = true));
  }

  static async open<Data>(url: string): Promise<EventStream<Data>> {
    const request = get(url, { agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventStream<Data>(response);
  }

  /** The next event; `undefined` after the last. */
  async next(): Promise<Data | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const event = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return JSON.parse(event.replace(/^data: /, '')) as Data;
      }
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => {
        const go = () => {
          this.response.off('data', go).off('close', go);
          resolve();
        };
        this.response.on('data', go).on('close', go);
      });
    }
  }

  /** Reads on until an event is as `wanted`. */
  async find(wanted: (data: Data) => boolean): Promise<Data> {
    for (;;) {
      const data = await this.next();
      if (data === undefined) throw new Error(`the stream ended before ${wanted.toString()}`);
      if (wanted(data)) return data;
    }
  }

  leave(): void {
    this.response.destroy();
  }
}
