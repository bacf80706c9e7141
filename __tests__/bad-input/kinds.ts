/** What every option and parameter is tried with. */
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

/** What a throwing getter throws. */
export const BOOM = new Error('a getter threw');

/** An object that nothing can be read of. */
export const THROWING: object = new Proxy(
  {},
  {
    get() {
      throw BOOM;
    },
  },
);

/** What an option or a parameter takes. */
export interface Kind {
  /** The error that a value deserves; `undefined` if it is plain data. */
  readonly errorOf: (value: unknown) => typeof TypeError | typeof RangeError | undefined;
  /** A value that works. */
  readonly good: unknown;
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER, good = min): Kind {
  return number((value) => Number.isSafeInteger(value) && value >= min && value <= max, good);
}

export function integerOrInfinity(min: number): Kind {
  return number((value) => value === Infinity || (Number.isSafeInteger(value) && value >= min), min);
}

export const duration: Kind = number((value) => (value >= 0 && value < 2 ** 31) || value === Infinity, 5);

/** Numbers of which `isInRange` holds. */
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
export const list: Kind = ofType(Array.isArray, []);
export const anything: Kind = ofType(() => true, 1);

export function aFunction(good: () => unknown = () => undefined): Kind {
  return ofType((value) => typeof value === 'function', good);
}

/** Objects that can do what `good` can: nothing hostile is one. */
export function like(good: object): Kind {
  return ofType((value) => value === good, good);
}

/** The one or the other; the error is that of the first. */
export function either(first: Kind, second: Kind): Kind {
  return {
    errorOf: (value) => (second.errorOf(value) === undefined ? undefined : first.errorOf(value)),
    good: first.good,
  };
}

/** What may be left out. */
export function optional({ errorOf, good }: Kind): Kind {
  return { errorOf: (value) => (value === undefined ? undefined : errorOf(value)), good };
}

function ofType(isOf: (value: unknown) => boolean, good: unknown): Kind {
  return { errorOf: (value) => (isOf(value) ? undefined : TypeError), good };
}
