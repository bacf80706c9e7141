/** What Redis keeps of one limit: each holder and waiter, and the sum that it keeps of what the holders weigh. */
export interface LimitState {
  readonly holders: number;
  readonly waiters: number;
  readonly used: number;
}

/** Runs any command. */
type Command = (...args: string[]) => Promise<unknown>;

/** Reads the state of the limit called `name`. */
export async function readState(command: Command, name: string): Promise<LimitState> {
  const tag = `{semaphore:${name}}`;
  const script = `
    local state = redis.call('GET', KEYS[3])
    local used = state and select(3, cmsgpack.unpack(state)) or 0
    return { redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), used }`;
  const reply = await command('EVAL', script, '3', `${tag}:h`, `${tag}:q`, `${tag}:m`);
  const [holders, waiters, used] = (reply as unknown[]).map(Number);
  return { holders: holders ?? NaN, waiters: waiters ?? NaN, used: used ?? NaN };
}

/** The time on the server's clock at which the first lease of the limit ends. `NaN` if there is none. */
export async function firstLeaseEnd(command: Command, name: string): Promise<number> {
  // A script replies with a flat list through every client.
  const script = `return redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')`;
  const [, score] = (await command('EVAL', script, '1', `{semaphore:${name}}:h`)) as unknown[];
  return Number(score ?? NaN);
}

/** Ends the pause of all grants after a loss of data, as time would. So a test can use leases of a minute. */
export async function endPause(command: Command, name: string): Promise<void> {
  const script = `
    local state = { cmsgpack.unpack(redis.call('GET', KEYS[1])) }
    state[9], state[10] = 0, 0
    redis.call('SET', KEYS[1], cmsgpack.pack(unpack(state)), 'KEEPTTL')
    return 'OK'`;
  await command('EVAL', script, '1', `{semaphore:${name}}:m`);
}
