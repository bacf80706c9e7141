import { checkAcquireOptions } from '../core/acquire-options.js';
import type { TryAcquireOptions } from '../core/limiter.js';

/** What a request asks of the limiter: the same for all, or for each by a function. */
export interface RequestAcquireOptions<Req> {
  /** Permits that a request takes. @defaultValue `1` */
  readonly weight?: number | ((req: Req) => number) | undefined;

  /** Level from -100 to 100, an integer; the higher goes first under the order `'priority'`. @defaultValue `0` */
  readonly priority?: number | ((req: Req) => number) | undefined;

  /** Whose turn a request takes under the order `'fair'`: its user, its tenant. @defaultValue `''` */
  readonly flow?: string | ((req: Req) => string) | undefined;
}

/** What to ask for a request. The options are checked now, what their functions return at each call. */
export function readAcquireOptions<Req>(
  options: RequestAcquireOptions<Req>,
): (req: Req) => TryAcquireOptions | undefined {
  const { weight, priority, flow } = options;
  if (isFixed(weight) && isFixed(priority) && isFixed(flow)) {
    const ask = { weight, priority, flow };
    checkAcquireOptions(weight, priority, flow);
    const fixed = weight === undefined && priority === undefined && flow === undefined ? undefined : ask;
    return () => fixed;
  }
  return (req) => {
    const ask = {
      weight: valueFor(weight, req),
      priority: valueFor(priority, req),
      flow: valueFor(flow, req),
    };
    checkAcquireOptions(ask.weight, ask.priority, ask.flow, 'what ', ' returns');
    return ask;
  };
}

function isFixed<Value>(option: Value | ((req: never) => Value)): option is Value {
  return typeof option !== 'function';
}

function valueFor<Req, Value>(option: Value | ((req: Req) => Value), req: Req): Value {
  return isFixed(option) ? option : option(req);
}
