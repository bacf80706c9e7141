import { checkAcquireOptions, checkOptionNames, checkWaitOptions } from './core/acquire-options.js';
import type { AcquireOptions, Limiter } from './core/limiter.js';
import { runWithPermit } from './core/limiter-base.js';
import { describe, requireLimiter } from './internal/validate.js';
import { isKeyed } from './keyed/keyed-semaphore.js';

/** A function that returns a promise; `never` parameters let any list of parameters in. */
export type AsyncFunction = (...args: never[]) => Promise<unknown>;

/** What `withSemaphore` makes: wraps a function, or decorates a method in TC39's or in TypeScript's older form. */
export interface WithSemaphore {
  <Fn extends AsyncFunction>(fn: Fn, context?: ClassMethodDecoratorContext<never>): Fn;
  <Fn extends AsyncFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Fn>,
  ): TypedPropertyDescriptor<Fn>;
}

/**
 * Limits any async function by a limiter made elsewhere: each call takes a permit first, and releases it when its
 * promise has settled. Instances and functions that are given the same limiter share it.
 *
 * The wrapped function keeps `this`, parameters, result, `name` and `length`. `options` apply to every call; a refusal
 * rejects the call's promise. A function that calls itself while it holds a permit can wait for itself.
 *
 * @throws `TypeError` for what is neither a limiter nor a function or method; `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { Semaphore, withSemaphore } from 'express-semaphore';
 * import type { AsyncFunction, WithSemaphore } from 'express-semaphore';
 *
 * const limited: WithSemaphore = withSemaphore(new Semaphore(2), { maxWaitMs: 1_000 });
 * const fetchUser = limited(async (id: string) => load(id));
 *
 * class Users {
 *   @limited // TC39's decorators, or experimentalDecorators
 *   async find(id: string) {
 *     return load(id);
 *   }
 * }
 *
 * const load = async (id: string) => `user ${id}`;
 * const jobs: AsyncFunction[] = [fetchUser];
 * console.log(jobs.length, await fetchUser('1'), await new Users().find('2'));
 * ```
 */
export function withSemaphore(limiter: Limiter, options: AcquireOptions = {}): WithSemaphore {
  requireLimiter('limiter', limiter);
  if (isKeyed(limiter)) {
    throw new TypeError('limiter must be a limiter without keys, got a KeyedSemaphore');
  }
  checkOptionNames('withSemaphore', options);
  const { weight, priority, flow, maxWaitMs, signal } = options;
  checkAcquireOptions(weight, priority, flow);
  checkWaitOptions(maxWaitMs, signal);
  const ask = { weight, priority, flow, maxWaitMs, signal };

  /** TC39 passes a method and its context, TypeScript's older form the class, the name and a descriptor. */
  function decorate(target: unknown, context?: unknown, descriptor?: PropertyDescriptor): unknown {
    if (typeof context === 'string' || typeof context === 'symbol') {
      return { ...descriptor, value: wrap(descriptor?.value) };
    }
    const kind = (context as Partial<DecoratorContext> | undefined)?.kind ?? 'method';
    if (kind !== 'method') throw new TypeError(`withSemaphore decorates methods, got a ${kind}`);
    return wrap(target);
  }

  function wrap(fn: unknown): unknown {
    if (typeof fn !== 'function') {
      throw new TypeError(`withSemaphore takes a function or a method, got ${describe(fn)}`);
    }
    const call = fn as (...args: unknown[]) => unknown;
    function limited(this: unknown, ...args: unknown[]): Promise<unknown> {
      return runWithPermit(limiter, () => Reflect.apply(call, this, args), ask);
    }
    return Object.defineProperties(limited, {
      name: { value: fn.name, configurable: true },
      length: { value: fn.length, configurable: true },
    });
  }

  return decorate as WithSemaphore;
}
