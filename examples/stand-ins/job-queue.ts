// A stand-in for BullMQ: a queue and a worker in one process. It needs no Redis.

interface Job<Data> {
  readonly data: Data;
}

interface Channel {
  readonly backlog: Job<unknown>[];
  wake: () => void;
}

const channels = new Map<string, Channel>();

function channelOf(name: string): Channel {
  const channel = channels.get(name) ?? { backlog: [], wake: () => undefined };
  channels.set(name, channel);
  return channel;
}

export class Queue<Data> {
  readonly #channel: Channel;

  constructor(name: string) {
    this.#channel = channelOf(name);
  }

  add(data: Data): void {
    this.#channel.backlog.push({ data });
    this.#channel.wake();
  }
}

export class Worker<Data> {
  readonly #channel: Channel;
  readonly #process: (job: Job<Data>) => Promise<void>;
  readonly #concurrency: number;
  #active = 0;

  constructor(
    name: string,
    process: (job: Job<Data>) => Promise<void>,
    { concurrency = 1 }: { readonly concurrency?: number } = {},
  ) {
    this.#channel = channelOf(name);
    this.#process = process;
    this.#concurrency = concurrency;
    this.#channel.wake = this.#work;
    this.#work();
  }

  readonly #work = (): void => {
    for (; this.#active < this.#concurrency; this.#active++) {
      const job = this.#channel.backlog.shift() as Job<Data> | undefined;
      if (job === undefined) return;
      void this.#process(job)
        .catch(console.error)
        .finally(() => {
          this.#active--;
          this.#work();
        });
    }
  };
}
