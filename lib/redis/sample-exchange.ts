import { randomBytes } from 'node:crypto';
import type { LeaderTurn, SampleExchange } from '../core/sample-exchange.js';
import type { Connection } from './sync/connection.js';
import type { SampleKeyNames } from './sync/keys.js';
import { RESIZE_KEPT_MS, scriptOf } from './sync/sync-script.js';

/** Time without a report of the leader after which another process leads, in milliseconds. It is two reports. */
const LEADER_MS = 200;
/** Time for which reports wait for a leader, in milliseconds. */
const REPORTS_KEPT_MS = 2_000;
/** Largest number of reports that wait for a leader. */
const MAX_REPORTS = 2_000;

/**
 * Adds a report to a list. The leader takes the list, and writes the state that it computed from the list before. A
 * process becomes the leader when the previous leader has not reported in time. The leader gets the largest number of
 * permits that any report saw in use.
 */
const exchangeScript = scriptOf(`
local leading, reports, meta = KEYS[1], KEYS[2], KEYS[3]
local node, report, state, lease, reportsKept, stateKept, most = unpack(ARGV)
local time = redis.call('TIME')
local now = math.floor((time[1] * 1000000 + time[2]) / 1000)
local used = 0
local packed = redis.call('GET', meta)
if packed then local _, _, inUse = cmsgpack.unpack(packed); used = inUse end

redis.call('RPUSH', reports, string.format('%.0f|', now) .. report)
redis.call('LTRIM', reports, -most, -1)
redis.call('PEXPIRE', reports, reportsKept)

local leader, untilMs, peak = unpack(redis.call('HMGET', leading, 'leader', 'until', 'peak'))
local left = (tonumber(untilMs) or 0) - now
peak = math.max(used, tonumber(peak) or 0)
if leader ~= node and left > 0 and left <= tonumber(lease) then
  redis.call('HSET', leading, 'peak', peak)
  return 0
end

local kept = 0
if leader ~= node then kept = redis.call('HGET', leading, 'state') or ''
elseif state ~= '' then redis.call('HSET', leading, 'state', state) end
redis.call('HSET', leading, 'leader', node, 'until', string.format('%.0f', now + lease), 'peak', used)
redis.call('PEXPIRE', leading, stateKept)
local list = redis.call('LRANGE', reports, 0, -1)
redis.call('DEL', reports)
return { now, peak, list, kept }
`);

/** The exchange of samples through Redis, in the keys of one limit. Each object is a node of its own. */
export class RedisSampleExchange implements SampleExchange {
  readonly #id = randomBytes(6).toString('base64url');
  readonly #connection: Connection;
  readonly #keys: SampleKeyNames;

  constructor(connection: Connection, keys: SampleKeyNames) {
    this.#connection = connection;
    this.#keys = keys;
  }

  async exchange(report: string, state: string): Promise<LeaderTurn | undefined> {
    const times = [LEADER_MS, REPORTS_KEPT_MS, RESIZE_KEPT_MS, MAX_REPORTS].map(String);
    const args = [this.#id, report, state, ...times];
    const reply = await this.#connection.runScript(exchangeScript(), this.#keys, args);
    if (!Array.isArray(reply)) return undefined;
    const [now, held, list, kept] = reply as [unknown, unknown, unknown[], unknown];
    const reports = list.map((each) => {
      const [at = '', ...text] = String(each).split('|');
      return [Number(at), text.join('|')] as const;
    });
    // A number means that this node led before: a kept state is a text.
    return {
      nowMs: Number(now),
      held: Number(held),
      reports,
      state: typeof kept === 'number' ? undefined : String(kept),
    };
  }
}
