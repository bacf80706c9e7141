import { createHash } from 'node:crypto';

/** What each node's channel starts with; the rest is the node's id. */
export const CHANNEL = 'express-semaphore:';

/**
 * All that a key's nodes ever ask of Redis, in one script. It applies any number of operations in a fixed order:
 * drop what has expired; give back; renew; serve the head of the line while it fits; take or queue what is asked for.
 *
 * A holder is a member `node.seq.weight` whose score is the end of its lease, by the server's clock. A waiter is the
 * same member in the queue, and its score the number of its arrival. One counter, `seq`, numbers arrivals and grants;
 * it starts at the server's time in microseconds, so a fence never falls behind one given before the data was lost.
 *
 * The state is one packed string, as that is the cheapest to read and to write: `used` is what all holders weigh, no
 * lease ends before `nextEnd`, and `queued` is 0 only when nobody stands in line.
 *
 * Keys outlive every lease in them by one at least; when the holders' key has expired as a whole, nothing is used.
 *
 * A member whose lease has run out belongs to a node that is gone: all its waiters leave the line with it. A node that
 * knows another epoch than the stored one proves that data was lost: for one renewal interval nobody is granted
 * anything new, while those who hold permits put them back in the books.
 */
const SOURCE = `
local holders, queue, meta = KEYS[1], KEYS[2], KEYS[3]
local node, lease, claim, knownLimit, knownVersion, knownEpoch, queueLimit,
  returns, returnedWeight, asks, modes, askedWeight,
  renewals, assertions, cancels, resizeTo = unpack(cjson.decode(ARGV[1]))

local function weightOf(member) return tonumber(string.match(member, '%.(%d+)$')) end
local function nodeOf(member) return string.match(member, '^[^.]+') end

local seq, epoch, used, limit, version, longest, quiet, nextEnd, queued
local function recount()
  used = 0
  for _, member in ipairs(redis.call('ZRANGE', holders, 0, -1)) do used = used + weightOf(member) end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('GET', meta)
if state then
  seq, epoch, used, limit, version, longest, quiet, nextEnd, queued = cmsgpack.unpack(state)
else
  seq = time[1] * 1000000 + time[2]
  epoch, limit, version, longest, quiet, nextEnd, queued = seq, 0, -1, 0, 0, 0, 1
  recount()
end

local isOther = false
if resizeTo and resizeTo >= 0 then
  limit, version, isOther = resizeTo, math.max(knownVersion, version) + 1, true
elseif version < knownVersion then
  limit, version, isOther = knownLimit, knownVersion, true
end
longest = math.max(longest, lease)
local lost = knownEpoch > 0 and knownEpoch ~= epoch
if lost then quiet = now + math.floor(lease / 3) end
local granting = now >= quiet

if now >= nextEnd then
  local gone = {}
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', now)) do
    used = used - weightOf(member)
    gone[nodeOf(member)] = true
  end
  gone[node] = nil
  if next(gone) then
    for _, member in ipairs(redis.call('ZRANGE', queue, 0, -1)) do
      if gone[nodeOf(member)] then redis.call('ZREM', queue, member) end
    end
  end
  redis.call('ZREMRANGEBYSCORE', holders, '-inf', now)
  local first = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')
  if not first[1] then used = 0 end
  nextEnd = tonumber(first[2]) or now + lease
end

local function inParts(command, list)
  local changed = 0
  for from = 1, #list, 1000 do
    changed = changed + redis.call(command, holders, unpack(list, from, math.min(from + 999, #list)))
  end
  return changed
end

local isTouched = false
local function hold(member, untilMs)
  isTouched = true
  nextEnd = math.min(nextEnd, untilMs)
  return redis.call('ZADD', holders, untilMs, member)
end

if returns[1] then
  if inParts('ZREM', returns) == #returns then used = used - returnedWeight else recount() end
end
for _, member in ipairs(cancels or {}) do
  if redis.call('ZREM', holders, member) == 1 then used = used - weightOf(member)
  else redis.call('ZREM', queue, member) end
end

local gone = {}
for _, member in ipairs(renewals or {}) do
  if redis.call('ZSCORE', holders, member) then hold(member, now + lease)
  elseif lost then used = used + hold(member, now + lease) * weightOf(member)
  else gone[#gone + 1] = member end
end
for _, member in ipairs(assertions or {}) do
  redis.call('ZREM', queue, member)
  used = used + hold(member, now + lease) * weightOf(member)
end

local promoted, messages = {}, {}
if queued > 0 then queued = redis.call('ZCARD', queue) end
while queued > 0 and (used < limit or isOther) do
  local head = redis.call('ZRANGE', queue, 0, 0)[1]
  local owner, number, weight = string.match(head, '^([^.]+)%.([^.]+)%.(%d+)$')
  weight = tonumber(weight)
  local tooHeavy = weight > math.max(1, limit)
  if not tooHeavy and not (granting and used + weight <= limit) then break end
  redis.call('ZREM', queue, head)
  queued = queued - 1
  local fence, untilMs = 0, limit
  if not tooHeavy then
    seq, used = seq + 1, used + weight
    fence, untilMs = seq, now + (owner == node and lease or claim)
    hold(head, untilMs)
  end
  if owner == node then
    promoted[#promoted + 1] = number
    promoted[#promoted + 1] = fence
  else
    messages[owner] = (messages[owner] or '') .. string.format('%s,%.0f,%.0f;', number, fence, untilMs)
  end
end
for owner, grants in pairs(messages) do
  redis.pcall('PUBLISH', '${CHANNEL}' .. owner, grants .. ' ' .. meta)
end

local answers = {}
if asks[1] and queued == 0 and granting and used + askedWeight <= limit then
  -- The last comes first: of a small set, Redis passes all members that are before the new one.
  local untilMs, scored, count = string.format('%.0f', now + lease), {}, #asks
  for i = 1, count do
    scored[2 * i - 1] = untilMs
    scored[2 * i] = asks[count + 1 - i]
  end
  isTouched, nextEnd = true, math.min(nextEnd, now + lease)
  if inParts('ZADD', scored) == count then used = used + askedWeight else recount() end
  answers = seq + 1
  seq = seq + count
  asks = {}
end
for i, member in ipairs(asks) do
  local weight = weightOf(member)
  local answer
  if queued == 0 and granting and used + weight <= limit then
    used = used + hold(member, now + lease) * weight
    seq = seq + 1
    answer = seq
  elseif redis.call('ZSCORE', holders, member) then
    hold(member, now + lease)
    seq = seq + 1
    answer = seq
  elseif redis.call('ZSCORE', queue, member) then answer = 0
  elseif weight > math.max(1, limit) then answer = -4
  elseif string.sub(modes, i, i) == 't' then answer = -2
  elseif queueLimit >= 0 and queued >= queueLimit then answer = -3
  else
    seq, queued = seq + 1, queued + 1
    redis.call('ZADD', queue, seq, member)
    answer = -1
  end
  answers[i] = answer
end

state = cmsgpack.pack(seq, epoch, used, limit, version, longest, quiet, nextEnd, queued)
redis.call('SET', meta, state, 'PX', 3 * longest)
if isTouched then redis.call('PEXPIRE', holders, 2 * longest) end
if queued > 0 then redis.call('PEXPIRE', queue, 2 * longest) end
if queued == 0 and not promoted[1] and not gone[1]
  and epoch == knownEpoch and version == knownVersion and limit == knownLimit then return { now, answers } end
local nextMs = (granting and nextEnd or quiet) - now
return { now, answers, queued, nextMs, promoted, gone, epoch, limit, version }
`;

/** The script as it is sent, and the name by which Redis keeps it. Made when it is first needed, not when this is loaded. */
export function syncScript(): { readonly text: string; readonly sha: string } {
  if (script === undefined) {
    // Runs of blanks at the starts of lines say nothing to Redis.
    const text = SOURCE.replace(/^\s+/gm, '');
    script = { text, sha: createHash('sha1').update(text).digest('hex') };
  }
  return script;
}

let script: ReturnType<typeof syncScript> | undefined;
