import { requireObject } from './validate.js';
import { warnOfUnknownOption } from './warn.js';

/** Throws a `TypeError` or a `RangeError` that names the option, unless `value` is valid for it. */
export type OptionCheck = (name: string, value: unknown) => void;

/** One check for each option. */
export type OptionChecks<Options> = { readonly [Name in keyof Options]-?: OptionCheck };

/**
 * Checks the `options` of `what` and returns a copy. Each option is read once.
 *
 * An option that is not given is checked only if it is `required`. Defaults belong into the destructuring of the
 * result. An unknown option is a process warning.
 */
export function readOptions<Options extends object>(
  what: string,
  options: Options,
  checks: OptionChecks<Options>,
  required: readonly (keyof Options)[] = [],
): Options {
  requireObject('options', options);
  for (const name of Object.keys(options)) if (!Object.hasOwn(checks, name)) warnOfUnknownOption(what, name);
  const read: Partial<Options> = {};
  for (const name of Object.keys(checks) as (keyof Options & string)[]) {
    const value = options[name];
    if (value !== undefined || required.includes(name)) checks[name](name, value);
    read[name] = value;
  }
  return read as Options;
}

/** For an option that the code it is meant for checks itself. */
export function unchecked(): void {
  // Nothing to do.
}
