import { types } from 'node:util';
import { checkAcquireOptions, checkOptionNames, checkWaitOptions } from './core/acquire-options.js';
import { runWithPermit } from './core/limiter-base.js';
import type { AcquireOptions, Limiter } from './core/limiter.js';
import { describe, requireLimiter } from './internal/validate.js';
import { isKeyed } from './keyed/keyed-semaphore.js';

/** A function that returns a promise. Parameters of type `never` accept any list of parameters. */
type AsyncFunction = (...args: never[]) => Promise<unknown>;

/** Result of `withSemaphore`: it wraps a function, or decorates a method (TC39 or TypeScript's `experimentalDecorators`). */
export interface WithSemaphore {
  <Fn extends AsyncFunction>(fn: Fn, context?: ClassMethodDecoratorContext<never>): Fn;
  <Fn extends AsyncFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Fn>,
  ): TypedPropertyDescriptor<Fn>;
}

/**
 * Limits an async function: each call takes a permit and releases it when its promise has settled. Functions and
 * instances with the same limiter share it.
 *
 * The wrapper keeps `this`, parameters, result, own properties, prototype and Reflect metadata. `options` apply to each
 * call. A rejection by the limiter rejects the call's promise. A function that calls itself can wait for itself.
 *
 * @throws `TypeError` for a bad limiter, and for anything but a function or method; also for a generator function, whose
 * call only returns an iterator. `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { Semaphore, withSemaphore } from 'express-semaphore';
 *
 * const limited = withSemaphore(new Semaphore(2), { maxWaitMs: 1_000 });
 * const fetchUser = limited(async (id: string) => `user ${id}`);
 *
 * class Users {
 *   @limited
 *   async find(id: string) {
 *     return fetchUser(id);
 *   }
 * }
 * ```
 */
export function withSemaphore(limiter: Limiter, options: AcquireOptions = {}): WithSemaphore {
  requireLimiter('limiter', limiter);
  if (isKeyed(limiter)) throw new TypeError('limiter must be a limiter without keys, got a KeyedSemaphore');
  checkOptionNames('withSemaphore', options);
  const { weight, priority, flow, maxWaitMs, signal } = options;
  checkAcquireOptions(weight, priority, flow);
  checkWaitOptions(maxWaitMs, signal);
  const request = { weight, priority, flow, maxWaitMs, signal };

  /** TC39 passes a method and its context. TypeScript's older form passes the class, the name and a descriptor. */
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
    if (types.isGeneratorFunction(fn)) {
      throw new TypeError('withSemaphore takes a function that returns a promise, got a generator function');
    }
    const call = fn as (...args: unknown[]) => unknown;
    // A method, because a method has no `prototype` property of its own.
    const methods = {
      limited(this: unknown, ...args: unknown[]): Promise<unknown> {
        return runWithPermit(limiter, () => Reflect.apply(call, this, args), request);
      },
    };
    // eslint-disable-next-line @typescript-eslint/unbound-method -- its `this` is that of the caller
    return withIdentityOf(call, methods.limited);
  }

  return decorate as WithSemaphore;
}

/** Gives `wrapper` all that code reads from `fn`: own properties, prototype, and metadata of the decorators applied so far. */
function withIdentityOf(fn: object, wrapper: object): unknown {
  for (const key of Reflect.ownKeys(fn)) {
    const descriptor = Object.getOwnPropertyDescriptor(fn, key);
    // Only a sloppy function owns these two.
    if (descriptor === undefined || key === 'arguments' || key === 'caller') continue;
    Object.defineProperty(wrapper, key, descriptor);
  }
  Object.setPrototypeOf(wrapper, Reflect.getPrototypeOf(fn));
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as Partial<ReflectMetadata>;
  for (const key of getOwnMetadataKeys?.(fn) ?? []) defineMetadata?.(key, getOwnMetadata?.(key, fn), wrapper);
  return wrapper;
}

/** The part of the package `reflect-metadata` that frameworks with decorators load. */
interface ReflectMetadata {
  getOwnMetadataKeys(target: object): unknown[];
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}
