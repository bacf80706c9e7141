import {
  requireFunction,
  requireInteger,
  requireList,
  requireObject,
  requireOneOf,
  requireString,
} from '../internal/validate.js';
import { warnUnlessKnown } from '../internal/warn.js';
import type { ControlFrame } from './frame.js';

/**
 * Something on the page that its viewer can change, press or read: a limit, a switch of a demonstration, a figure.
 *
 * @example
 * ```ts
 * import { Semaphore } from 'express-semaphore';
 * import { dashboard } from 'express-semaphore/dashboard';
 * import type { ButtonControl, ChoiceControl, Control, RangeControl } from 'express-semaphore/dashboard';
 * import type { ReadingControl, SwitchControl } from 'express-semaphore/dashboard';
 *
 * const api = new Semaphore(100);
 * let mode = 'normal';
 * let isSlow = false;
 *
 * const permits: RangeControl = {
 *   type: 'range',
 *   label: 'permits',
 *   min: 0,
 *   max: 200,
 *   get: () => api.permits,
 *   set: (value) => api.resize(value),
 * };
 * const load: ChoiceControl = {
 *   type: 'choice',
 *   label: 'load',
 *   choices: ['normal', 'heavy'],
 *   get: () => mode,
 *   set: (value) => (mode = value),
 * };
 * const slow: SwitchControl = { type: 'switch', label: 'slow', get: () => isSlow, set: (value) => (isSlow = value) };
 * const pause: ButtonControl = { type: 'button', label: 'pause', press: () => api.resize(0) };
 * const uptime: ReadingControl = { type: 'reading', label: 'up', get: () => `${Math.floor(process.uptime())} s` };
 *
 * const controls: Record<string, Control> = { permits, load, slow, pause, uptime };
 * dashboard({ api }, { controls });
 * ```
 */
export type Control = RangeControl | ChoiceControl | SwitchControl | ButtonControl | ReadingControl;

/** A whole number between two others. */
export interface RangeControl {
  readonly type: 'range';
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** @defaultValue `1` */
  readonly step?: number | undefined;
  /** Stands behind the number, as in `'/s'`. @defaultValue `''` */
  readonly unit?: string | undefined;
  readonly get: () => number;
  readonly set: (value: number) => void;
}

/** One of several texts. */
export interface ChoiceControl {
  readonly type: 'choice';
  readonly label: string;
  readonly choices: readonly string[];
  readonly get: () => string;
  readonly set: (value: string) => void;
}

/** On or off. */
export interface SwitchControl {
  readonly type: 'switch';
  readonly label: string;
  readonly get: () => boolean;
  readonly set: (value: boolean) => void;
}

/** Does something when it is pressed. */
export interface ButtonControl {
  readonly type: 'button';
  readonly label: string;
  readonly press: () => void;
}

/** A text of your own, to be read only. */
export interface ReadingControl {
  readonly type: 'reading';
  readonly label: string;
  readonly get: () => string;
}

/** Throws unless `control` can be shown and used. */
export function requireControl(name: string, control: Control): void {
  requireObject(name, control);
  requireOneOf(`${name}.type`, control.type, TYPES);
  requireString(`${name}.label`, control.label);
  warnUnlessKnown(`a control of type ${control.type}`, control, OPTIONS[control.type]);
  if (control.type === 'range') requireRange(name, control);
  if (control.type === 'choice') {
    requireList(`${name}.choices`, control.choices);
    for (const [index, choice] of control.choices.entries())
      requireString(`${name}.choices[${index}]`, choice);
  }
  if (control.type === 'button') {
    requireFunction(`${name}.press`, control.press);
    return;
  }
  requireFunction(`${name}.get`, control.get);
  if (control.type !== 'reading') requireFunction(`${name}.set`, control.set);
}

const TYPES: readonly Control['type'][] = ['range', 'choice', 'switch', 'button', 'reading'];

const OPTIONS: Record<Control['type'], ReadonlySet<string>> = {
  range: optionsOf('min', 'max', 'step', 'unit', 'get', 'set'),
  choice: optionsOf('choices', 'get', 'set'),
  switch: optionsOf('get', 'set'),
  button: optionsOf('press'),
  reading: optionsOf('get'),
};

function optionsOf(...own: string[]): ReadonlySet<string> {
  return new Set(['type', 'label', ...own]);
}

function requireRange(name: string, { min, max, step = 1, unit = '' }: RangeControl): void {
  requireInteger(`${name}.min`, min, Number.MIN_SAFE_INTEGER);
  requireInteger(`${name}.max`, max, min);
  requireInteger(`${name}.step`, step, 1);
  requireString(`${name}.unit`, unit);
}

/** The control as it stands now. */
export function readControl(id: string, control: Control): ControlFrame {
  const { type, label } = control;
  switch (type) {
    case 'range': {
      const { min, max, step = 1, unit = '' } = control;
      return { id, type, label, min, max, step, unit, value: control.get() };
    }
    case 'choice':
      return { id, type, label, choices: control.choices, value: control.get() };
    case 'switch':
      return { id, type, label, value: control.get() };
    case 'button':
      return { id, type, label };
    case 'reading':
      return { id, type, label, value: control.get() };
  }
}

/** Does what a viewer asks of the control. Returns whether it was something that the control can do. */
export function changeControl(control: Control, value: string): boolean {
  switch (control.type) {
    case 'range': {
      const number = Number(value);
      if (value === '' || !Number.isSafeInteger(number) || number < control.min || number > control.max)
        return false;
      control.set(number);
      return true;
    }
    case 'choice':
      if (!control.choices.includes(value)) return false;
      control.set(value);
      return true;
    case 'switch':
      if (value !== 'true' && value !== 'false') return false;
      control.set(value === 'true');
      return true;
    case 'button':
      control.press();
      return true;
    case 'reading':
      return false;
  }
}
