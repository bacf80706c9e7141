import { describe, requireFunction, requireInteger } from '../core/validate.js';
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
  switch (control.type) {
    case 'range':
      requireInteger(`${name}.min`, control.min, Number.MIN_SAFE_INTEGER);
      requireInteger(`${name}.max`, control.max, control.min);
      requireInteger(`${name}.step`, control.step ?? 1, 1);
      break;
    case 'choice':
    case 'switch':
    case 'reading':
      break;
    case 'button':
      requireFunction(`${name}.press`, control.press);
      return;
    default:
      throw new TypeError(
        `${name}.type must be a kind of control, got ${describe((control as Control).type)}`,
      );
  }
  requireFunction(`${name}.get`, control.get);
  if (control.type !== 'reading') requireFunction(`${name}.set`, control.set);
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
