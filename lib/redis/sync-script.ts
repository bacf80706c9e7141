import { createHash } from 'node:crypto';

/**
 * All that a key's nodes ever ask of Redis, in one script. It applies any number of operations in a fixed order:
 * drop what has expired; give back; renew; serve the head of the line while it fits; take or queue what is asked for.
 *
 * A holder is a member `node.seq.weight` whose score is the end of its lease, by the server's clock. A waiter is the
 * same member in the queue, and its score the number of its arrival. One counter, `seq`, numbers arrivals and grants;
 * it starts at the server's time in microseconds, so a fence never falls behind one given before the data was lost.
 *
 * Keys outlive every lease in them by one at least; when the holders' key has expired as a whole, nothing is used.
 *
 * A member whose lease has run out belongs to a node that is gone: all its waiters leave the line with it. A node that
 * knows another epoch than the stored one proves that data was lost: for one renewal interval nobody is granted
 * anything new, while those who hold permits put them back in the books.
 */
const SOURCE = `
local holders, queue, meta = KEYS[1], KEYS[2], KEYS[3]
local node, lease, claim = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local limit, version, queueLimit = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local knownEpoch, resizeTo, channel = ARGV[7], ARGV[8], ARGV[9]

local prefix = node .. '.'

local function weightOf(member) return tonumber(string.match(member, '%.(%d+)$')) end
local function nodeOf(member) return string.match(member, '^[^.]+') end

local used
local function recount()
  used = 0
  for _, member in ipairs(redis.call('ZRANGE', holders, 0, -1)) do used = used + weightOf(member) end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = redis.call('HMGET', meta, 'seq', 'used', 'epoch', 'limit', 'version', 'lease', 'quiet')
local seq, epoch = tonumber(stored[1]), stored[3]
used = tonumber(stored[2])
local longest = math.max(lease, tonumber(stored[6] or 0))
local quiet = tonumber(stored[7] or 0)
local renamed = not epoch
if renamed then
  seq = time[1] * 1000000 + time[2]
  epoch = string.format('%.0f', seq)
  recount()
end

local storedVersion = tonumber(stored[5] or -1)
if resizeTo ~= '' then
  limit, version = tonumber(resizeTo), math.max(version, storedVersion) + 1
elseif storedVersion >= version then
  limit, version = tonumber(stored[4]), storedVersion
end
local lost = knownEpoch ~= '' and knownEpoch ~= epoch
if lost then quiet = now + math.floor(lease / 3) end
if renamed or lost or version ~= storedVersion or longest ~= tonumber(stored[6]) then
  redis.call('HSET', meta, 'epoch', epoch, 'limit', limit, 'version', version, 'lease', longest, 'quiet', quiet)
end

local first = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')
if not first[1] then used = 0 end
if first[2] and tonumber(first[2]) <= now then
  local gone = {}
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', now)) do
    used = used - weightOf(member)
    gone[nodeOf(member)] = true
  end
  redis.call('ZREMRANGEBYSCORE', holders, '-inf', now)
  gone[node] = nil
  if next(gone) then
    for _, member in ipairs(redis.call('ZRANGE', queue, 0, -1)) do
      if gone[nodeOf(member)] then redis.call('ZREM', queue, member) end
    end
  end
end

local function inParts(command, list)
  local changed = 0
  for from = 1, #list, 1000 do
    changed = changed + redis.call(command, holders, unpack(list, from, math.min(from + 999, #list)))
  end
  return changed
end

local returned = {}
for id in string.gmatch(ARGV[10], '%S+') do returned[#returned + 1] = prefix .. id end
if #returned > 0 then
  if inParts('ZREM', returned) == #returned then used = used - tonumber(ARGV[14]) else recount() end
end
for id in string.gmatch(ARGV[15], '%S+') do
  local member = prefix .. id
  if redis.call('ZREM', holders, member) == 1 then used = used - weightOf(member)
  else redis.call('ZREM', queue, member) end
end

local touched = false
local function hold(member, untilMs)
  touched = true
  return redis.call('ZADD', holders, untilMs, member)
end

local gone = {}
for id in string.gmatch(ARGV[11], '%S+') do
  local member = prefix .. id
  if redis.call('ZSCORE', holders, member) then hold(member, now + lease)
  elseif lost then used = used + hold(member, now + lease) * weightOf(member)
  else gone[#gone + 1] = string.match(id, '^[^.]+') end
end
for id in string.gmatch(ARGV[12], '%S+') do
  local member = prefix .. id
  redis.call('ZREM', queue, member)
  used = used + hold(member, now + lease) * weightOf(member)
end

local granting = now >= quiet
local promoted, messages = {}, {}
local queued = redis.call('ZCARD', queue)
while queued > 0 do
  local head = redis.call('ZRANGE', queue, 0, 0)[1]
  local weight, owner = weightOf(head), nodeOf(head)
  local tooHeavy = weight > math.max(1, limit)
  if not tooHeavy and not (granting and used + weight <= limit) then break end
  redis.call('ZREM', queue, head)
  queued = queued - 1
  local number = string.match(head, '%.([^.]+)%.')
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
  redis.pcall('PUBLISH', channel .. owner, grants .. ' ' .. KEYS[3])
end

local answers = {}
local asks = ARGV[13]
local total = tonumber(ARGV[16])
if total > 0 and queued == 0 and granting and used + total <= limit then
  local scored = {}
  for id in string.gmatch(asks, '%a(%S+)') do
    scored[#scored + 1] = now + lease
    scored[#scored + 1] = prefix .. id
  end
  local count = #scored / 2
  touched = true
  if inParts('ZADD', scored) == count then used = used + total else recount() end
  answers = seq + 1
  seq = seq + count
  asks = ''
end
for mode, id in string.gmatch(asks, '(%a)(%S+)') do
  local member = prefix .. id
  local weight = weightOf(id)
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
  elseif mode == 't' then answer = -2
  elseif queueLimit >= 0 and queued >= queueLimit then answer = -3
  else
    seq, queued = seq + 1, queued + 1
    redis.call('ZADD', queue, seq, member)
    answer = -1
  end
  answers[#answers + 1] = answer
end

redis.call('HSET', meta, 'seq', seq, 'used', used)
redis.call('PEXPIRE', meta, 3 * longest)
if touched then redis.call('PEXPIRE', holders, 2 * longest) end
local nextMs = -1
if queued > 0 then
  redis.call('PEXPIRE', queue, 2 * longest)
  first = redis.call('ZRANGE', holders, 0, 0, 'WITHSCORES')
  if first[2] then nextMs = tonumber(first[2]) - now end
  if not granting then nextMs = quiet - now end
end
return { now, epoch, limit, version, used, queued, nextMs, answers, promoted, gone }
`;

/** The script as it is sent: runs of blanks at the starts of lines say nothing to Redis. */
export const SYNC_SCRIPT = SOURCE.replace(/^\s+/gm, '');

/** The name by which Redis keeps the script. */
export const SYNC_SHA = createHash('sha1').update(SYNC_SCRIPT).digest('hex');
