import 'reflect-metadata';
import { KeyedSemaphore, Semaphore, withSemaphore } from 'express-semaphore';
import { states, turn, watch } from './helpers/watch';
import { defer } from './helpers/serve';

describe('a function behind withSemaphore', () => {
  it('keeps this, parameters, result, name and length', async () => {
    const semaphore = new Semaphore(1);
    const adder = {
      base: 10,
      add: withSemaphore(semaphore)(async function addBoth(this: { base: number }, a: number, b: number) {
        await turn();
        return this.base + a + b;
      }),
    };
    expect(await adder.add(1, 2)).toBe(13);
    expect([adder.add.name, adder.add.length]).toEqual(['addBoth', 2]);
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 1 });
  });

  it('keeps own properties, symbols and Reflect metadata', async () => {
    const key = Symbol('key');
    const work = Object.assign(async () => turn(), { route: '/users', [key]: 1 });
    Reflect.defineMetadata('guards', ['admin'], work);
    const limited = withSemaphore(new Semaphore(1))(work);
    await limited();
    expect([limited.route, limited[key]]).toEqual(['/users', 1]);
    expect(Reflect.getOwnMetadata('guards', limited)).toEqual(['admin']);
  });

  it('shares its limiter with all that were given the same, and applies its options to each call', async () => {
    const semaphore = new Semaphore(2);
    const limited = withSemaphore(semaphore, { weight: 2, maxWaitMs: 0 });
    const work = defer();
    const [one, other] = [limited(() => work.promise), limited(async () => turn())];
    const calls = [watch(one()), watch(other())];
    await turn();
    expect(states(calls)).toEqual(['pending', 'rejected']);
    expect(calls[1]?.reason).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
    expect(semaphore.held).toBe(2);
    work.resolve();
    await semaphore.idle();
  });

  it('releases even when it is no async function after all', async () => {
    const semaphore = new Semaphore(1);
    const wrap = withSemaphore(semaphore) as unknown as (fn: () => unknown) => () => Promise<unknown>;
    expect(await wrap(() => 7)()).toBe(7);
    const failure = new Error('sync');
    await expect(
      wrap(() => {
        throw failure;
      })(),
    ).rejects.toBe(failure);
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 2 });
  });

  it('can be made of a list, as map calls it', async () => {
    const semaphore = new Semaphore(1);
    const wrap = withSemaphore(semaphore) as unknown as (fn: () => unknown) => () => Promise<number>;
    const wrapped = [() => 1, () => 2].map(wrap);
    expect(await Promise.all(wrapped.map(async (fn) => fn()))).toEqual([1, 2]);
    expect(semaphore.stats().acquired).toBe(2);
  });

  it.each([undefined, null, 7, {}, 'fn'])('rejects %p', (value) => {
    expect(() => withSemaphore(new Semaphore(1))(value as never)).toThrow(
      /^withSemaphore takes a function or a method, got /,
    );
    expect(() => withSemaphore(value as never)).toThrow(
      /^limiter must be a limiter, such as new Semaphore\(10\), got /,
    );
  });
});

describe('withSemaphore with a KeyedSemaphore', () => {
  const one = () => new KeyedSemaphore(() => new Semaphore(1));

  it('needs a key', () => {
    // @ts-expect-error -- the types say so, too
    expect(() => withSemaphore(one())).toThrow(new TypeError('key must be a function, got undefined'));
  });

  it('limits each key on its own, with the key of the parameters of the call', async () => {
    const keyed = one();
    const load = withSemaphore(keyed, { key: (tenant: string) => tenant })(async (
      tenant: string,
      n: number,
    ) => {
      await turn();
      return `${tenant}${n}`;
    });
    const all = Promise.all([load('a', 1), load('b', 2), load('a', 3)]);
    await turn();
    expect([load.name, load.length, keyed.stats('a')?.held, keyed.stats('b')?.held]).toEqual(['', 2, 1, 1]);
    expect(keyed.waiting).toBe(1);
    expect(await all).toEqual(['a1', 'b2', 'a3']);
    await keyed.idle();
  });

  it('computes the options of a call that has a key, too', async () => {
    const perUser = new KeyedSemaphore(() => new Semaphore(3));
    const held: number[] = [];
    const weigh = withSemaphore(perUser, {
      key: (user: string) => user,
      weight: (_user: string, weight: number) => weight,
    })((...call: [user: string, weight: number]) => {
      held.push(perUser.held);
      return Promise.resolve(call);
    });
    await weigh('ann', 2);
    await weigh('ann', 3);
    expect(held).toEqual([2, 3]);
  });

  it('rejects a call without a key or whose key function throws, and does not start its work', async () => {
    const work = jest.fn(async () => turn());
    const withoutKey = withSemaphore(one(), { key: () => undefined as unknown as string })(work);
    await expect(withoutKey()).rejects.toThrow(
      new TypeError('what key returns must be a string, got undefined'),
    );
    const failure = new Error('no tenant');
    const failing = withSemaphore(one(), {
      key() {
        throw failure;
      },
    })(work);
    await expect(failing()).rejects.toBe(failure);
    expect(work).not.toHaveBeenCalled();
  });

  it('gives key the instance of a decorated method, in both forms', async () => {
    const keyed = one();
    const limited = withSemaphore(keyed, {
      key(this: { readonly tenant: string }) {
        return this.tenant;
      },
    });
    class Reports {
      constructor(readonly tenant: string) {}

      @limited
      async make(): Promise<string> {
        await turn();
        return this.tenant;
      }

      async remake(): Promise<string> {
        await turn();
        return this.tenant;
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(
      Reports.prototype,
      'remake',
    ) as TypedPropertyDescriptor<Reports['remake']>;
    Object.defineProperty(Reports.prototype, 'remake', limited(Reports.prototype, 'remake', descriptor));
    const [ann, bob] = [new Reports('ann'), new Reports('bob')];
    const all = Promise.all([ann.make(), bob.make(), ann.remake(), bob.remake()]);
    await turn();
    expect([...keyed].map(([key, { held, waiting }]) => [key, held, waiting])).toEqual([
      ['ann', 1, 1],
      ['bob', 1, 1],
    ]);
    expect(await all).toEqual(['ann', 'bob', 'ann', 'bob']);
  });
});

describe('an option of withSemaphore that is a function', () => {
  it('is computed from the parameters of each call', async () => {
    const semaphore = new Semaphore(3, { order: 'priority' });
    const work = defer();
    const gone = AbortSignal.abort('gone');
    const limited = withSemaphore(semaphore, {
      weight: (rows: number[]) => rows.length,
      priority: (_rows: number[], level: number) => level,
      signal: (_rows: number[], _level: number, isGone?: boolean) => (isGone === true ? gone : undefined),
      maxWaitMs: (rows: number[]) => (rows.length === 2 ? 0 : undefined),
    });
    const done: number[] = [];
    const run = limited(async (_rows: number[], level: number, isGone?: boolean) => {
      await work.promise;
      done.push(level);
      return isGone;
    });
    const calls = [
      run([1, 2, 3], 1),
      run([1, 2], 2),
      run([1, 2, 3], 3),
      run([1], 5, true),
      run([1, 2, 3], 4),
    ].map(watch);
    await turn();
    expect(semaphore.held).toBe(3);
    expect(states(calls)).toEqual(['pending', 'rejected', 'pending', 'rejected', 'pending']);
    expect(calls[1]?.reason).toMatchObject({ code: 'ERR_SEMAPHORE_WAIT_TIMEOUT' });
    expect(calls[3]?.reason).toBe('gone');
    work.resolve();
    await semaphore.idle();
    expect(done).toEqual([1, 4, 3]);
  });

  it('rejects the call when it throws', async () => {
    const semaphore = new Semaphore(1);
    const failure = new Error('no weight');
    const limited = withSemaphore(semaphore, {
      weight() {
        throw failure;
      },
    })(async () => turn());
    await expect(limited()).rejects.toBe(failure);
    expect(semaphore.stats()).toMatchObject({ held: 0, acquired: 0 });
  });
});

describe('a method decorated with withSemaphore', () => {
  it('is limited across instances, static or private as well', async () => {
    const semaphore = new Semaphore(1);
    class Users {
      static #made = 0;
      readonly id = ++Users.#made;

      @withSemaphore(semaphore)
      static async count(): Promise<number> {
        await turn();
        return this.#made;
      }

      @withSemaphore(semaphore)
      async find(greeting: string): Promise<string> {
        await turn();
        return `${greeting} ${this.id}`;
      }

      @withSemaphore(semaphore)
      async #secret(): Promise<number> {
        await turn();
        return this.id * 100;
      }

      async reveal(): Promise<number> {
        return this.#secret();
      }
    }
    const [ann, bob] = [new Users(), new Users()];
    const all = Promise.all([ann.find('hello'), bob.find('hello'), Users.count(), bob.reveal()]);
    expect(semaphore.stats()).toMatchObject({ held: 1, waiting: 3 });
    expect(await all).toEqual(['hello 1', 'hello 2', 2, 200]);
    expect([ann.find.name, ann.find.length]).toEqual(['find', 1]);
    expect(semaphore.held).toBe(0);
  });

  it.each(['field', 'getter', 'setter', 'accessor', 'class'])('is no %s', (kind) => {
    const decorate = withSemaphore(new Semaphore(1)) as unknown as (value: unknown, context: object) => void;
    expect(() => {
      decorate(undefined, { kind });
    }).toThrow(new TypeError(`withSemaphore decorates methods, got a ${kind}`));
  });
});

describe("TypeScript's older form of withSemaphore", () => {
  const decorate = (semaphore: Semaphore) =>
    withSemaphore(semaphore) as unknown as (
      target: object,
      name: string | symbol,
      descriptor?: PropertyDescriptor,
    ) => PropertyDescriptor;

  it('limits what the descriptor holds, and keeps its attributes', async () => {
    const semaphore = new Semaphore(1);
    const value = async (n: number): Promise<number> => {
      await turn();
      return n;
    };
    const made = decorate(semaphore)({}, Symbol('find'), { value, enumerable: false, writable: true });
    expect(made).toMatchObject({ enumerable: false, writable: true });
    const find = made.value as typeof value;
    const call = find(3);
    expect(semaphore.stats().acquired).toBe(1);
    expect(await call).toBe(3);
  });

  it.each<[what: string, target: object, descriptor: PropertyDescriptor | undefined]>([
    ['a getter', {}, { get: () => 1 }],
    ['a field', {}, undefined],
    ['a static field', () => 1, undefined],
  ])('rejects %s', (_what, target, descriptor) => {
    expect(() => decorate(new Semaphore(1))(target, 'find', descriptor)).toThrow(
      new TypeError('withSemaphore takes a function or a method, got undefined'),
    );
  });
});

describe('what a wrapped function carries', () => {
  it('is what the function carries: properties, symbols, prototype and metadata', () => {
    const tag = Symbol('tag');
    const fn = Object.assign(async (id: string) => Promise.resolve(id), { role: 'admin', [tag]: 1 });
    Reflect.defineMetadata('guards', ['first'], fn);
    const wrapped = withSemaphore(new Semaphore(1))(fn);
    Reflect.defineMetadata('path', '/a', wrapped);
    expect([wrapped.role, wrapped[tag], wrapped.name, wrapped.length]).toEqual(['admin', 1, fn.name, 1]);
    expect(Reflect.ownKeys(wrapped)).toEqual(Reflect.ownKeys(fn));
    expect(Object.getPrototypeOf(wrapped)).toBe(Object.getPrototypeOf(fn));
    expect([Reflect.getMetadata('guards', wrapped), Reflect.getMetadata('path', wrapped)]).toEqual([
      ['first'],
      '/a',
    ]);
    expect(Reflect.getMetadata('path', fn)).toBeUndefined();
  });

  it('is not what a sloppy function knows of its caller', async () => {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const sloppy = new Function('return 7') as () => Promise<number>;
    expect(await withSemaphore(new Semaphore(1))(sloppy)()).toBe(7);
  });

  it('is no generator, whose call only returns an iterator', () => {
    const limited = withSemaphore(new Semaphore(1)) as (fn: unknown) => unknown;
    const error = 'withSemaphore takes a function that returns a promise, got a generator function';
    expect(() =>
      limited(function* () {
        yield 1;
      }),
    ).toThrow(new TypeError(error));
    expect(() =>
      limited(async function* () {
        yield await Promise.resolve(1);
      }),
    ).toThrow(new TypeError(error));
  });
});
