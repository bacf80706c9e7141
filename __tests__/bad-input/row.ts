import { object, optional } from './kinds';
import type { Kind } from './kinds';

/** One parameter or option, and how to try a value for it. */
export interface Row {
  readonly title: string;
  /** The parameter or option, with which an error message begins. */
  readonly name: string;
  readonly kind: Kind;
  /** The exports that it tries: `Semaphore`, `Semaphore.acquire`, `SemaphoreOptions.name`. */
  readonly covers: readonly string[];
  /** True when a bad value makes a promise reject. */
  readonly rejects: boolean;
  readonly start: () => Trial | Promise<Trial>;
}

/** One call for one value. */
export interface Trial {
  readonly call: (value: unknown) => unknown;
  /** The weight that is held, and the number of waiters. */
  readonly counts?: () => readonly [held: number, waiting: number];
  /** Releases every permit of the trial. */
  readonly end?: () => Promise<void>;
}

/** A function or class that takes options. */
export interface Subject {
  readonly name: string;
  /** The type of its options. */
  readonly type: string;
  readonly kinds: Readonly<Record<string, Kind>>;
  readonly start: Row['start'];
  readonly rejects?: boolean;
  /** Options that it cannot do without. */
  readonly required?: Readonly<Record<string, unknown>>;
}

/** A row for a parameter. */
export function row(covers: string, name: string, kind: Kind, start: Row['start'], rejects = false): Row {
  return { title: `${covers}: ${name}`, name, kind, covers: [covers], rejects, start };
}

/** A row for a parameter of a function that holds nothing. */
export function plainRow(covers: string, name: string, kind: Kind, call: Trial['call']): Row {
  return row(covers, name, kind, () => ({ call }));
}

/** A row for each option of a subject, and one for its options as a whole. */
export function rowsOf({
  name: subject,
  type,
  kinds,
  start,
  rejects = false,
  required = {},
}: Subject): Row[] {
  const option = (
    name: string,
    kind: Kind,
    covers: string[],
    complete: (value: unknown) => unknown,
  ): Row => ({
    title: `${subject}, options: ${name}`,
    name,
    kind,
    covers: [subject, ...covers],
    rejects,
    async start() {
      const trial = await start();
      return { ...trial, call: (value) => trial.call(complete(value)) };
    },
  });
  const isNeeded = (name: string) => Object.hasOwn(required, name);
  return [
    option('options', optional(object), [], (value) => completed(value, required)),
    ...Object.entries(kinds).map(([name, kind]) =>
      option(name, isNeeded(name) ? kind : optional(kind), [`${type}.${name}`], (value) => ({
        ...required,
        [name]: value,
      })),
    ),
  ];
}

/** The same, with what is required. */
function completed(value: unknown, required: object): unknown {
  if (Object.keys(required).length === 0) return value;
  if (value === undefined) return required;
  if (object.errorOf(value) !== undefined) return value;
  return { ...(value as object), ...required };
}
