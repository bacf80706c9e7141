import { types } from 'node:util';

/** Longest delay of a platform timer, in milliseconds. A timer with a longer one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Throws unless `value` is an integer from `min` to `max` that JavaScript represents exactly. */
export function requireInteger(
  name: string,
  value: unknown,
  min: number,
  max = Infinity,
): asserts value is number {
  requireNumber(name, value);
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new RangeError(`${name} must be an integer ${range}, got ${value}`);
  }
}

/** Throws unless `value` is `Infinity` or an integer of at least `min`, by default 0. */
export function requireIntegerOrInfinity(name: string, value: unknown, min = 0): asserts value is number {
  if (value !== Infinity) requireInteger(name, value, min);
}

/** Throws unless `value` is `Infinity` or a number of milliseconds that a timer accepts. */
export function requireDuration(name: string, value: unknown): asserts value is number {
  requireNumber(name, value);
  if (!(value >= 0 && value <= MAX_TIMER_MS) && value !== Infinity) {
    throw new RangeError(`${name} must be 0 to ${MAX_TIMER_MS} milliseconds or Infinity, got ${value}`);
  }
}

/** Throws unless `value` is an object. */
export function requireObject(name: string, value: unknown): asserts value is object {
  if (typeof value === 'object' && value !== null) return;
  throw wrongType(name, 'an object', value);
}

/** Throws if `value` is a request: then the function `what` was mounted, and not what it returns. */
export function requireNoRequest(what: string, value: unknown, example: string): void {
  if (typeof value !== 'object' || value === null || !('headers' in value && 'socket' in value)) return;
  throw new TypeError(`${what} itself was mounted; mount what it returns, ${example}`);
}

/** Throws unless `value` is an object with these methods. */
export function requireMethods(name: string, value: unknown, ...methods: string[]): void {
  requireObject(name, value);
  for (const method of methods) requireFunction(`${name}.${method}`, Reflect.get(value, method));
}

/** Check of an integer option from `min` to `max`. */
export function integer(min: number, max?: number): (name: string, value: unknown) => void {
  return (name, value) => {
    requireInteger(name, value, min, max);
  };
}

/** Check of an option that is one of these texts. */
export function oneOf(...choices: readonly string[]): (name: string, value: unknown) => void {
  return (name, value) => {
    requireOneOf(name, value, choices);
  };
}

/** Check of an option that is an object with these methods. */
export function withMethods(...methods: readonly string[]): (name: string, value: unknown) => void {
  return (name, value) => {
    requireMethods(name, value, ...methods);
  };
}

/** Throws unless `value` is a function. */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value);
}

/** Throws unless `value` is a string. */
export function requireString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
}

/** Throws unless `value` is a boolean, and returns it. */
export function requireBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
}

/** Throws unless `value` is one of these texts. */
export function requireOneOf<Choice extends string>(
  name: string,
  value: unknown,
  choices: readonly Choice[],
): asserts value is Choice {
  if (!choices.some((choice) => choice === value)) throw notOneOf(name, value, choices);
}

/** The error of more permits than the limit has. The limiter does not count it as a rejection: the call itself is wrong. */
export function aboveLimit(name: string, value: number, permits: number): RangeError {
  return new RangeError(`${name} must be at most permits (${permits}), got ${value}`);
}

/** The error of a value that is none of these texts. */
export function notOneOf(name: string, value: unknown, choices: readonly string[]): Error {
  const message = `${name} must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, got ${describe(value)}`;
  return typeof value === 'string' ? new RangeError(message) : new TypeError(message);
}

/** Throws unless `value` looks like a limiter. */
export function requireLimiter(name: string, value: unknown): void {
  if (isLimiter(value)) return;
  throw wrongType(name, 'a limiter, such as new Semaphore(10)', value);
}

/** Whether `value` looks like a limiter. */
export function isLimiter(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return LIMITER_METHODS.every((method) => typeof Reflect.get(value, method) === 'function');
}

const LIMITER_METHODS = ['acquire', 'tryAcquire', 'close', 'idle', 'stats'];

/** Throws unless `value` has what an `AbortSignal` of any realm has. */
export function requireSignal(name: string, value: unknown): asserts value is AbortSignal {
  const signal = Object(value) as Partial<AbortSignal>;
  const isSignal = typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function';
  if (!isSignal) throw wrongType(name, 'an AbortSignal', value);
}

/** The error of a value that is not `what`, such as `'a string'`. */
export function wrongType(name: string, what: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${what}, got ${describe(value)}`);
}

/**
 * A short text of any value for an error message. It never throws, and it cuts a long text.
 *
 * It handles the rejection of a promise. An option function that returns one by mistake must not end the process.
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (types.isPromise(value)) {
    value.catch(() => undefined);
    return 'a promise';
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'bigint') return `${cut(String(value))}n`;
  return typeof value === 'function' ? 'a function' : cut(String(value));
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Throws unless `value` is a number. */
export function requireNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
}
