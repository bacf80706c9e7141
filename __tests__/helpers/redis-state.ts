/** What Redis keeps of one limit: each holder and waiter, and the sum that it keeps of what the holders weigh. */
export interface LimitState {
  readonly holders: number;
  readonly waiters: number;
  readonly used: number;
}

/** Reads the state of the limit called `name`; `command` runs any command. */
export async function readState(
  command: (...args: string[]) => Promise<unknown>,
  name: string,
): Promise<LimitState> {
  const tag = `{semaphore:${name}}`;
  const script = `
    local state = redis.call('GET', KEYS[3])
    local used = state and select(3, cmsgpack.unpack(state)) or 0
    return { redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), used }`;
  const reply = await command('EVAL', script, '3', `${tag}:h`, `${tag}:q`, `${tag}:m`);
  const [holders, waiters, used] = (reply as unknown[]).map(Number);
  return { holders: holders ?? NaN, waiters: waiters ?? NaN, used: used ?? NaN };
}
