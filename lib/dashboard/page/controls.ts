import type { ControlFrame } from '../frame.js';
import { element, setText } from './element.js';

/** Changes a control at the server. */
export type Send = (id: string, value: string) => void;

/** The controls. Each is made once and follows what the server says of it, unless its viewer is at it. */
export class Controls {
  readonly #element: HTMLElement;
  readonly #send: Send;
  readonly #follow = new Map<string, (frame: ControlFrame) => void>();

  constructor(target: HTMLElement, send: Send) {
    this.#element = target;
    this.#send = send;
  }

  show(frames: readonly ControlFrame[]): void {
    this.#element.hidden = frames.length === 0;
    for (const frame of frames) {
      if (!this.#follow.has(frame.id)) this.#add(frame);
      this.#follow.get(frame.id)?.(frame);
    }
  }

  #add(frame: ControlFrame): void {
    const made = makers[frame.type](frame as never, (value) => {
      this.#send(frame.id, value);
    });
    this.#element.append(made.element);
    this.#follow.set(frame.id, made.follow as (frame: ControlFrame) => void);
  }
}

type Of<Type extends ControlFrame['type']> = Extract<ControlFrame, { type: Type }>;
interface Made<Type extends ControlFrame['type']> {
  readonly element: HTMLElement;
  readonly follow: (frame: Of<Type>) => void;
}

const makers: {
  [Type in ControlFrame['type']]: (frame: Of<Type>, send: (value: string) => void) => Made<Type>;
} = {
  range({ label, min, max, step, unit, value }, send) {
    const output = element('output', { textContent: `${value}${unit}` });
    const input = element('input', {
      type: 'range',
      min: String(min),
      max: String(max),
      step: String(step),
      value: String(value),
      oninput: () => {
        setText(output, `${input.value}${unit}`);
      },
      onchange: () => {
        send(input.value);
      },
    });
    const line = element('span', {}, label, ' ', output);
    return {
      element: element('label', { className: 'control range' }, line, input),
      follow(frame) {
        if (input.matches(':active')) return;
        input.value = String(frame.value);
        setText(output, `${frame.value}${unit}`);
      },
    };
  },

  choice({ label, choices }, send) {
    const select = element(
      'select',
      {
        onchange: () => {
          send(select.value);
        },
      },
      ...choices.map((choice) => element('option', { value: choice, textContent: choice })),
    );
    return {
      element: element('label', { className: 'control choice' }, element('span', {}, label), select),
      follow({ value }) {
        if (document.activeElement !== select) select.value = value;
      },
    };
  },

  switch({ label }, send) {
    const input = element('input', {
      type: 'checkbox',
      onchange: () => {
        send(String(input.checked));
      },
    });
    input.role = 'switch';
    return {
      element: element('label', { className: 'control switch' }, input, element('span', {}, label)),
      follow({ value }) {
        input.checked = value;
      },
    };
  },

  button({ label }, send) {
    const button = element('button', {
      type: 'button',
      textContent: label,
      onclick: () => {
        send('');
      },
    });
    return { element: element('div', { className: 'control' }, button), follow: () => undefined };
  },

  reading({ label }) {
    const output = element('output');
    return {
      element: element('label', { className: 'control reading' }, element('span', {}, label), output),
      follow({ value }) {
        setText(output, value);
      },
    };
  },
};
