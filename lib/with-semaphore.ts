import { types } from 'node:util';
import { runWithPermit } from './core/limiter-base.js';
import type { AcquireOptions, Limiter } from './core/limiter.js';
import { readOptions } from './internal/options.js';
import type { OptionCheck, OptionChecks } from './internal/options.js';
import {
  describe,
  integer,
  requireDuration,
  requireFunction,
  requireLimiter,
  requireSignal,
  requireString,
} from './internal/validate.js';
import { isKeyed } from './keyed/key-limiter.js';
import type { KeyedLimiter } from './keyed/key-limiter.js';
import { TOP_PRIORITY } from './orders/priority.js';

/** A function that returns a promise. Parameters of type `never` accept any list of parameters. */
type AsyncFunction = (...args: never[]) => Promise<unknown>;

/** A function of a call's parameters. A parameter without a type in the caller's code is usable, so it is `any`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- `never` would make such a parameter useless
type OfCall<Value> = (...args: any[]) => Value;

/** One value for all calls, or a function of the call's parameters. Its `this` is that of the call. */
type PerCall<Value> = Value | OfCall<Value | undefined> | undefined;

/** The options of `withSemaphore`: those of `acquire`, either the same for all calls or computed for each. */
export interface CallOptions {
  /** Permits that a call takes. @defaultValue `1` */
  readonly weight?: PerCall<number>;

  /** Level from -100 to 100, an integer. The order `'priority'` serves the higher first. @defaultValue `0` */
  readonly priority?: PerCall<number>;

  /** The user or tenant whose turn the order `'fair'` uses. @defaultValue `''` */
  readonly flow?: PerCall<string>;

  /** Ends the wait when it aborts: the call rejects with its reason. */
  readonly signal?: PerCall<AbortSignal>;

  /** Maximum wait in milliseconds. @defaultValue the limiter's own */
  readonly maxWaitMs?: PerCall<number>;

  /** Maximum time that the permit is held, in milliseconds. @defaultValue the limiter's own */
  readonly maxHoldMs?: PerCall<number>;

  /** Called when a call is about to be queued, with its position: 1 for the next. */
  readonly onQueued?: AcquireOptions['onQueued'];
}

/** The options of `withSemaphore` with a `KeyedSemaphore`. */
export interface KeyedCallOptions extends CallOptions {
  /** The key of a call, computed from its parameters. Its `this` is that of the call. */
  readonly key: OfCall<string>;
}

/** Result of `withSemaphore`: it wraps a function, or decorates a method (TC39 or TypeScript's `experimentalDecorators`). */
export interface WithSemaphore<Options> {
  <Fn extends AsyncFunction>(fn: Fn & Fits<Fn, Options>, context?: ClassMethodDecoratorContext<never>): Fn;
  <Fn extends AsyncFunction>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Fn> & Fits<Fn, Options>,
  ): TypedPropertyDescriptor<Fn>;
}

/** `unknown` if each option that is a function accepts the parameters of `Fn`, else `never`. */
type Fits<Fn extends AsyncFunction, Options> =
  Extract<Options[Exclude<keyof Options, 'onQueued'>], OfCall<unknown>> extends (
    ...args: Parameters<Fn>
  ) => unknown
    ? unknown
    : never;

/** Makes a type error of each option that does not exist. */
type Exactly<Options, Known> = Readonly<Record<Exclude<keyof Options, keyof Known>, never>>;

/**
 * Limits an async function: each call takes a permit and releases it when its promise has settled. Functions and
 * instances with the same limiter share it.
 *
 * The wrapper keeps `this`, parameters, result, own properties, prototype and Reflect metadata. An option may be a
 * function of the call's parameters. With a `KeyedSemaphore`, `key` is one and is required. A rejection by the limiter,
 * and an error of such a function, rejects the call's promise. A function that calls itself can wait for itself.
 *
 * @param limiter - Grants the permits for each key: a `KeyedSemaphore`, or a `chain` with one.
 * @param options - The options of `acquire` with `key`, each a value or a function of the parameters of a call.
 *
 * @throws `TypeError` for a bad limiter, and for anything but a function or method; also for a generator function, whose
 * call only returns an iterator. `TypeError` or `RangeError` for a bad option.
 *
 * @example
 * ```ts
 * import { KeyedSemaphore, Semaphore, withSemaphore } from 'express-semaphore';
 *
 * const fetchUser = withSemaphore(new Semaphore(2), { maxWaitMs: 1_000 })(async (id: string) => `user ${id}`);
 *
 * const perTenant = new KeyedSemaphore(() => new Semaphore(2));
 * class Reports {
 *   @withSemaphore(perTenant, { key: (tenant: string) => tenant })
 *   async make(tenant: string, user: string) {
 *     return `${tenant}: ${await fetchUser(user)}`;
 *   }
 * }
 * ```
 */
export function withSemaphore<Options extends KeyedCallOptions>(
  limiter: KeyedLimiter,
  options: Options & Exactly<Options, KeyedCallOptions>,
): WithSemaphore<Options>;
/**
 * Wraps an async function or decorates a method: each call acquires a permit of a limiter without keys.
 *
 * @param limiter - Grants the permits: a `Semaphore` or another limiter without keys.
 * @param options - The options of `acquire`, each a value or a function of the parameters of a call.
 */
export function withSemaphore<Options extends CallOptions>(
  limiter: Limiter,
  options?: Options & Exactly<Options, CallOptions>,
): WithSemaphore<Options>;
export function withSemaphore(
  limiter: Limiter | KeyedLimiter,
  options: CallOptions = {},
): WithSemaphore<CallOptions> {
  requireLimiter('limiter', limiter);
  const run = isKeyed(limiter)
    ? runByKey(limiter, options as KeyedCallOptions)
    : runPlain(limiter as Limiter, options);

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
        return run(this, args, () => Reflect.apply(call, this, args));
      },
    };
    // eslint-disable-next-line @typescript-eslint/unbound-method -- its `this` is that of the caller
    return withIdentityOf(call, methods.limited);
  }

  return decorate as WithSemaphore<CallOptions>;
}

/** Runs one call: its `this`, its parameters, and what it does once it has a permit. */
type Run = (self: unknown, args: readonly unknown[], work: () => unknown) => Promise<unknown>;

function runPlain(limiter: Limiter, options: CallOptions): Run {
  const requestOf = requestReader(readOptions('withSemaphore', options, CALL_CHECKS));
  if (typeof requestOf !== 'function') return (_self, _args, work) => runWithPermit(limiter, work, requestOf);
  return async (self, args, work) => runWithPermit(limiter, work, requestOf(self, args));
}

function runByKey(limiter: KeyedLimiter, options: KeyedCallOptions): Run {
  const { key: keyOf, ...others } = readOptions('withSemaphore', options, KEYED_CALL_CHECKS, ['key']);
  const requestOf = requestReader(others);
  return async (self, args, work) => {
    const key: unknown = Reflect.apply(keyOf, self, args);
    requireString('what key returns', key);
    return limiter.run(key, work, typeof requestOf === 'function' ? requestOf(self, args) : requestOf);
  };
}

/** The one request of all calls, or a function that makes the request of a call. */
function requestReader(
  options: CallOptions,
): AcquireOptions | ((self: unknown, args: readonly unknown[]) => AcquireOptions) {
  const { onQueued, ...computed } = options;
  const entries = Object.entries<unknown>(computed);
  if (!entries.some(([, option]) => typeof option === 'function')) return options as AcquireOptions;
  return (self, args) => {
    const values = entries.map(([name, option]): [string, unknown] => [
      name,
      typeof option === 'function' ? Reflect.apply(option, self, args) : option,
    ]);
    return { ...Object.fromEntries(values), onQueued };
  };
}

/** Checks a fixed value now. `acquire` checks a computed one. */
function perCall(check: OptionCheck): OptionCheck {
  return (name, value) => {
    if (typeof value !== 'function') check(name, value);
  };
}

const CALL_CHECKS: OptionChecks<CallOptions> = {
  weight: perCall(integer(1)),
  priority: perCall(integer(-TOP_PRIORITY, TOP_PRIORITY)),
  flow: perCall(requireString),
  signal: perCall(requireSignal),
  maxWaitMs: perCall(requireDuration),
  maxHoldMs: perCall(requireDuration),
  onQueued: requireFunction,
};
const KEYED_CALL_CHECKS: OptionChecks<KeyedCallOptions> = { ...CALL_CHECKS, key: requireFunction };

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
