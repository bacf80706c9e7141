/** The values that each option and parameter is tried with. */
export const HOSTILE: readonly unknown[] = [
  ...[
    undefined,
    null,
    true,
    NaN,
    -0,
    0,
    -1,
    1,
    1.5,
    400,
    2 ** 53,
    Number.MAX_SAFE_INTEGER,
    Infinity,
    -Infinity,
  ],
  ...['', '1', '__proto__', 'constructor', '\ud800', 'fifo', 'x'.repeat(15_000), Symbol('s'), 1n],
  ...[
    [],
    {},
    Object.freeze({}),
    Object.create(null) as unknown,
    Object.create({ weight: 1 }) as unknown,
    () => undefined,
  ],
];

/** The error of a throwing getter. */
export const BOOM = new Error('a getter threw');

/** An object whose every member throws on read. */
export const THROWING: object = new Proxy(
  {},
  {
    get() {
      throw BOOM;
    },
  },
);

/** The values that an option or a parameter accepts. */
export interface Kind {
  /** The expected error for a value; `undefined` when the value is accepted. */
  readonly errorOf: (value: unknown) => typeof TypeError | typeof RangeError | undefined;
  /** An accepted value. */
  readonly good: unknown;
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER, good = min): Kind {
  return number((value) => Number.isSafeInteger(value) && value >= min && value <= max, good);
}

export function integerOrInfinity(min: number): Kind {
  return number((value) => value === Infinity || (Number.isSafeInteger(value) && value >= min), min);
}

export const duration: Kind = number((value) => (value >= 0 && value < 2 ** 31) || value === Infinity, 5);

/** Numbers that fulfil `isInRange`. */
export function number(isInRange: (value: number) => boolean, good: number): Kind {
  return {
    errorOf: (value) => (typeof value !== 'number' ? TypeError : isInRange(value) ? undefined : RangeError),
    good,
  };
}

export function oneOf(...choices: string[]): Kind {
  return {
    errorOf: (value) =>
      typeof value !== 'string' ? TypeError : choices.includes(value) ? undefined : RangeError,
    good: choices[0],
  };
}

export const string: Kind = ofType((value) => typeof value === 'string', 'a');
export const boolean: Kind = ofType((value) => typeof value === 'boolean', true);
export const object: Kind = ofType((value) => typeof value === 'object' && value !== null, {});
/** An object or a list of limiters. The members of a hostile list are none. */
export const limiters: Kind = ofType(
  (value) => typeof value === 'object' && value !== null && (!Array.isArray(value) || value.length === 0),
  {},
);
export const anything: Kind = ofType(() => true, 1);

export function aFunction(good: () => unknown = () => undefined): Kind {
  return ofType((value) => typeof value === 'function', good);
}

/** Objects with the members of `good`. No hostile value is one. */
export function like(good: object): Kind {
  return ofType((value) => value === good, good);
}

/** Values of either kind. The error is that of the first. */
export function either(first: Kind, second: Kind): Kind {
  return {
    errorOf: (value) => (second.errorOf(value) === undefined ? undefined : first.errorOf(value)),
    good: first.good,
  };
}

/** Values that may be left out. */
export function optional({ errorOf, good }: Kind): Kind {
  return { errorOf: (value) => (value === undefined ? undefined : errorOf(value)), good };
}

function ofType(isOf: (value: unknown) => boolean, good: unknown): Kind {
  return { errorOf: (value) => (isOf(value) ? undefined : TypeError), good };
}
