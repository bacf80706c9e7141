import { isSemaphoreError } from 'express-semaphore';
import { BOOM, HOSTILE, THROWING } from './kinds';
import type { Row, Trial } from './row';

/** Returns the faults of a row. Each value is either accepted as data, or gives a clear error and changes nothing. */
export async function complaintsOf(row: Row): Promise<string[]> {
  const complaints: string[] = [];
  for (const value of [...HOSTILE, THROWING]) {
    const trial = await row.start();
    const wanted = row.kind.errorOf(value);
    const complaint = await (wanted === undefined
      ? complaintOfData(trial, value)
      : complaintOfBad(row, trial, value, wanted));
    if (complaint !== undefined) complaints.push(`${shown(value)}: ${complaint}`);
  }
  return complaints;
}

/** A limiter may reject the call, but the value is not a mistake. */
async function complaintOfData(trial: Trial, value: unknown): Promise<string | undefined> {
  const result = settle(trial, value);
  await trial.end?.();
  const error = await result;
  if (error !== undefined && error !== BOOM && !isSemaphoreError(error))
    return `it is no mistake, yet ${textOf(error)}`;
  return trial.end === undefined || ['none', '0,0'].includes(countsOf(trial))
    ? undefined
    : `in the end ${countsOf(trial)}`;
}

async function complaintOfBad(
  row: Row,
  trial: Trial,
  value: unknown,
  kind: ErrorKind,
): Promise<string | undefined> {
  const before = countsOf(trial);
  const error = row.rejects ? await rejectionOf(trial, value) : thrownBy(trial, value);
  const after = countsOf(trial);
  const again = settle(trial, row.kind.good);
  await trial.end?.();
  const later = await again;
  // The error of a throwing getter is the caller's own.
  if (error !== BOOM && !isClear(error, kind, row.name, value))
    return `${kind.name} was due, ${textOf(error)} came`;
  if (after !== before) return `the counts were ${before} and are ${after}`;
  return later === undefined || isSemaphoreError(later) ? undefined : `after it ${textOf(later)} came`;
}

type ErrorKind = typeof TypeError | typeof RangeError;

/** Whether the error has that class, begins with the option's name and ends with the value. */
function isClear(error: unknown, kind: ErrorKind, name: string, value: unknown): boolean {
  if (!(error instanceof kind) || error.constructor !== kind || !error.message.startsWith(name)) return false;
  // For an object it may name the missing member instead.
  return typeof value === 'object' && value !== null
    ? error.message.includes(', got ')
    : error.message.endsWith(`, got ${shown(value)}`);
}

/** What a call comes to: the error, if it is one, thrown or rejected with. */
async function settle(trial: Trial, value: unknown): Promise<unknown> {
  try {
    await trial.call(value);
    return undefined;
  } catch (error) {
    return error;
  }
}

function thrownBy(trial: Trial, value: unknown): unknown {
  try {
    trial.call(value);
    return 'nothing';
  } catch (error) {
    return error;
  }
}

/** The reason of the promise that the call returns, which must come without anybody's help. */
async function rejectionOf(trial: Trial, value: unknown): Promise<unknown> {
  let result: unknown;
  try {
    result = trial.call(value);
  } catch (error) {
    return `a synchronous ${textOf(error)}`;
  }
  const turn = new Promise((resolve) => setImmediate(resolve, 'nothing'));
  return Promise.race([
    Promise.resolve(result).then(
      () => 'nothing',
      (error: unknown) => error,
    ),
    turn,
  ]);
}

function countsOf({ counts }: Trial): string {
  return counts === undefined ? 'none' : counts().join();
}

/** As a message shows it: never a long text whole. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : shown(error);
}
