import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';

/** A client of server-sent events with JSON in them. It leaves out events that have a name of their own. */
export class EventStream<Data> {
  readonly response: IncomingMessage;
  /** All text received so far. */
  text = '';
  /** Index in `text` behind the event that `next` returned last. */
  #end = 0;
  #isOver = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => (this.text += text));
    response.on('error', () => undefined);
    response.once('close', () => (this.#isOver = true));
  }

  static async open<Data>(url: string): Promise<EventStream<Data>> {
    const request = get(url, { agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventStream<Data>(response);
  }

  /** Returns the next event; `undefined` after the last. */
  async next(): Promise<Data | undefined> {
    for (;;) {
      const end = this.text.indexOf('\n\n', this.#end);
      if (end >= 0) {
        const event = this.text.slice(this.#end, end);
        this.#end = end + 2;
        if (event.startsWith('data: ')) return JSON.parse(event.slice(6)) as Data;
        continue;
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

  /** Reads events until one fulfils `wanted`, and returns it. */
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
