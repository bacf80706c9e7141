import { createHash } from 'node:crypto';

/** Start of the name of a node's channel. The rest is the node's id. */
export const CHANNEL = 'express-semaphore:';
/** Time for which Redis remembers a `resize` of a limit that nobody uses, in milliseconds. */
export const RESIZE_KEPT_MS = 24 * 3_600_000;

/**
 * The one script of a limit. It applies any number of operations in a fixed order: drop ended leases, release, cancel,
 * renew and enter, grant to the head of the queue while it fits, answer requests.
 *
 * A holder is a member `node.seq.weight` of a sorted set whose score is the end of its lease in server time. A waiter is
 * the same member in the queue, and its score is the number of its arrival less its priority times 2^40. One counter, `seq`, numbers arrivals and
 * grants. It starts at the server's time in microseconds, so a fencing token is never below one given before data was
 * lost.
 *
 * The state is one packed string, which is the cheapest to read and write. `used` is the sum of the holders' weights and
 * `count` their number. No lease ends before `nextEnd`, none after `lastEnd`. `queued` is 0 only if nobody waits. The keys
 * that exist are kept until `kept`; 0 means that a key is new and has no expiry.
 *
 * Most batches only release and request, while nobody waits and every request fits. A short path applies them and returns.
 * If it finds a wrong count, the long path corrects that. Requests go in before releases come out where they fit. Then
 * Redis need not create the key again.
 *
 * Lost data is seen in two ways. If `count` is not the size of the holders' key, that key was evicted. If a node knows
 * another epoch, the state was lost. Then nobody is granted anything new until every live holder has renewed its lease,
 * and a renewal enters the lease. If only the state was lost, it is counted from the holders and nothing pauses.
 *
 * After an outage each node may hold permits that it granted by itself. So a node that reaches Redis again pauses all
 * new grants for `grace`. In that time the other nodes enter theirs. There is no pause if a node reached Redis in time.
 *
 * A lease that ends without a release belongs to a dead node, so all waiters of that node are dropped with it. A grant to
 * another node is published. If nobody hears the message, the node has only the time of a claim to ask for the grant.
 */
const SOURCE = `
local holders, queue, meta = KEYS[1], KEYS[2], KEYS[3]
local node, lease, patience, grace, queueLimit, isCluster,
  knownLimit, knownVersion, knownResizes, knownEpoch, expected, away,
  releases, releasedWeight, requests, modes, requestedWeight,
  renewals, entries, cancels, resizeTo, survey, priorities = unpack(cjson.decode(ARGV[1]))

local seq, epoch, used, count, limit, version, resizes, longest,
  quiet, proof, nextEnd, lastEnd, queued, onTime, last, kept
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
local pause = math.floor(lease * 0.4)
local leastKept = 2.5
local state = redis.call('GET', meta)
if state then
  seq, epoch, used, count, limit, version, resizes, longest,
    quiet, proof, nextEnd, lastEnd, queued, onTime, last, kept = cmsgpack.unpack(state)
end

local answers, isMiscounted
if state and not renewals and queued == 0 and used - releasedWeight + requestedWeight <= limit
  and away == 0 and expected > 0 and now - expected <= patience
  and now >= quiet and now >= last and now < nextEnd and lease <= longest and now + leastKept * longest <= kept
  and epoch == knownEpoch and version == knownVersion and resizes == knownResizes and limit == knownLimit then
  local number, added, removed = #requests, 0, 0
  local areFree = used + requestedWeight <= limit
  if releases[1] and not areFree then removed = redis.call('ZREM', holders, unpack(releases)) end
  local isGranted = areFree and count > 0 or removed == #releases and removed < count
  if isGranted and number > 0 then
    -- The last comes first: in a small set, Redis passes all members before the new one.
    local untilMs, scored = now + lease, {}
    local score = string.format('%.0f', untilMs)
    for i = 1, number do
      scored[2 * i - 1] = score
      scored[2 * i] = requests[number + 1 - i]
    end
    added = redis.call('ZADD', holders, unpack(scored))
    nextEnd, lastEnd = math.min(nextEnd, untilMs), math.max(lastEnd, untilMs)
  end
  if releases[1] and areFree then removed = redis.call('ZREM', holders, unpack(releases)) end
  used, count, onTime, last = used - releasedWeight, count + added - removed, now, now
  isMiscounted = removed < #releases
  releases = {}
  if isGranted then
    isMiscounted = isMiscounted or added < number
    answers, used, seq = seq + 1, used + requestedWeight, seq + number
    requests = {}
    if not isMiscounted then
      redis.call('SET', meta, cmsgpack.pack(seq, epoch, used, count, limit, version, resizes, longest,
        quiet, proof, nextEnd, lastEnd, queued, onTime, last, kept), 'KEEPTTL')
      return { now, answers }
    end
  end
end

local function weightOf(member) return tonumber(string.match(member, '%.(%d+)$')) end
local function nodeOf(member) return string.match(member, '^[^.]+') end

local function recount()
  used, count = 0, 0
  for _, member in ipairs(redis.call('ZRANGE', holders, 0, -1)) do
    used, count = used + weightOf(member), count + 1
  end
end

if not state then
  seq, epoch, limit, version, resizes, longest = micros, micros, 0, -1, 0, 0
  quiet, nextEnd, queued, onTime, last, kept = 0, 0, 1, 0, now, 0
  recount()
  lastEnd = count > 0 and tonumber(redis.call('ZRANGE', holders, -1, -1, 'WITHSCORES')[2]) or 0
  proof = count > 0 and 0 or now + pause
end
longest = math.max(longest, lease)

if now < last - 1000 then
  local back = last - now
  for _, member in ipairs(redis.call('ZRANGE', holders, 0, -1)) do
    local score = tonumber(redis.call('ZSCORE', holders, member))
    redis.call('ZADD', holders, string.format('%.0f', math.min(score - back, now + longest)), member)
  end
  quiet, proof, onTime, nextEnd, lastEnd = quiet - back, proof - back, onTime - back, 0, lastEnd - back
end
last = now

local isOther = false
if resizeTo and resizeTo >= 0 then
  if knownVersion > version then version, resizes = knownVersion, knownResizes end
  limit, resizes, isOther, kept = resizeTo, math.max(resizes, knownResizes) + 1, true, 0
elseif knownVersion > version or (knownVersion == version and knownResizes > resizes) then
  limit, version, resizes, isOther, kept = knownLimit, knownVersion, knownResizes, true, 0
end

local lost = knownEpoch > 0 and knownEpoch ~= epoch
if lost then quiet = math.max(quiet, proof) end
local isLate = expected > 0 and now - expected > patience
if away > 0 then
  if onTime <= now - away + patience then quiet = math.max(quiet, now + grace) end
elseif expected > 0 and not isLate then onTime = now end
isLate = isLate and grace > 0
local granting = now >= quiet

local function seesLoss()
  if redis.call('ZCARD', holders) == count then return false end
  recount()
  epoch = math.max(epoch + 1, micros)
  lost, quiet, granting, kept = true, now + pause, false, 0
  return true
end

if now >= nextEnd then
  if now < lastEnd then seesLoss() end
  local gone = {}
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', now)) do
    used, count = used - weightOf(member), count - 1
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
  if not first[1] then used, count = 0, 0 end
  nextEnd = tonumber(first[2]) or now + lease
end

local function hold(member, untilMs)
  if count == 0 then kept = 0 end
  nextEnd, lastEnd = math.min(nextEnd, untilMs), math.max(lastEnd, untilMs)
  if redis.call('ZADD', holders, string.format('%.0f', untilMs), member) == 1 then
    used, count = used + weightOf(member), count + 1
  end
end

if isMiscounted and not seesLoss() then recount() end
if releases[1] then
  local removed = redis.call('ZREM', holders, unpack(releases))
  count = count - removed
  if removed == #releases then used = used - releasedWeight
  elseif not seesLoss() then recount() end
end
for _, member in ipairs(cancels or {}) do
  if redis.call('ZREM', holders, member) == 1 then used, count = used - weightOf(member), count - 1
  else redis.call('ZREM', queue, member) end
end

local ended = {}
if renewals and renewals[1] then kept = 0 end
for _, member in ipairs(renewals or {}) do
  if redis.call('ZSCORE', holders, member) or lost or seesLoss() then hold(member, now + lease)
  else ended[#ended + 1] = member end
end
for _, member in ipairs(entries or {}) do
  redis.call('ZREM', queue, member)
  hold(member, now + lease)
end

local promoted, messages, grantees = {}, {}, {}
if queued > 0 then queued = redis.call('ZCARD', queue) end
while queued > 0 and (used < limit or isOther) do
  local head = redis.call('ZRANGE', queue, 0, 0)[1]
  local owner, number, weight = string.match(head, '^([^.]+)%.([^.]+)%.(%d+)$')
  weight = tonumber(weight)
  local tooHeavy = weight > math.max(1, limit)
  if not tooHeavy and not (granting and used + weight <= limit) then break end
  redis.call('ZREM', queue, head)
  queued = queued - 1
  local token, untilMs = 0, limit
  if not tooHeavy then
    seq = seq + 1
    token, untilMs = seq, now + lease
    hold(head, untilMs)
  end
  if owner == node then
    promoted[#promoted + 1] = number
    promoted[#promoted + 1] = token
  else
    if not tooHeavy then
      grantees[owner] = grantees[owner] or {}
      table.insert(grantees[owner], head)
      if isCluster then untilMs = 0 end
    end
    messages[owner] = (messages[owner] or '') .. string.format('%s,%.0f,%.0f;', number, token, untilMs)
  end
end
for owner, grants in pairs(messages) do
  local heard = redis.pcall('PUBLISH', '${CHANNEL}' .. owner, grants)
  if isCluster or type(heard) ~= 'number' or heard == 0 then
    for _, member in ipairs(grantees[owner] or {}) do hold(member, now + math.min(1500, lease)) end
  end
end

local isChecked = false
answers = answers or {}
local function isBehind(score)
  return queued > 0 and (not priorities or tonumber(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2]) <= score)
end
local function fits(weight, score)
  if not granting or isBehind(score) then return false end
  if used + weight <= limit then return true end
  if not isChecked then
    isChecked = true
    seesLoss()
  end
  return false
end
for i, member in ipairs(requests) do
  local weight, mode = weightOf(member), string.sub(modes, i, i)
  local answer
  local score = seq + 1 - (priorities and priorities[i] or 0) * 2 ^ 40
  local isVoid = isLate and mode > 'Z'
  if not isVoid and fits(weight, score) or redis.call('ZSCORE', holders, member) then
    hold(member, now + lease)
    seq = seq + 1
    answer = seq
  elseif isVoid then answer = -5
  elseif redis.call('ZSCORE', queue, member) then answer = 0
  elseif weight > math.max(1, limit) then answer = -4
  elseif mode == 't' or mode == 'T' then answer = -2
  elseif queueLimit >= 0 and queued >= queueLimit then answer = -3
  else
    if queued == 0 then kept = 0 end
    seq, queued = seq + 1, queued + 1
    redis.call('ZADD', queue, string.format('%.0f', score), member)
    answer = -1
  end
  answers[i] = answer
end

local isKept = now + leastKept * longest <= kept
if not isKept then kept = now + 3 * longest end
state = cmsgpack.pack(seq, epoch, used, count, limit, version, resizes, longest,
  quiet, proof, nextEnd, lastEnd, queued, onTime, last, kept)
if isKept then redis.call('SET', meta, state, 'KEEPTTL')
else
  local keptMs = 3 * longest
  redis.call('SET', meta, state, 'PX', resizes > 0 and math.max(keptMs, ${RESIZE_KEPT_MS}) or keptMs)
  if count > 0 then redis.call('PEXPIRE', holders, keptMs) end
  if queued > 0 then redis.call('PEXPIRE', queue, keptMs) end
end
if queued == 0 and granting and not promoted[1] and not ended[1] and survey ~= 1
  and epoch == knownEpoch and version == knownVersion and resizes == knownResizes and limit == knownLimit
  then return { now, answers } end
local fleet = 0
if survey == 1 then
  local nodes, number = {}, 0
  for _, key in ipairs({ holders, queue }) do
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      local owner = nodeOf(member)
      if not nodes[owner] then nodes[owner], number = true, number + 1 end
    end
  end
  fleet = { used, queued, number }
end
return { now, answers, queued, nextEnd - now, quiet - now, promoted, ended, { epoch, limit, version, resizes }, fleet }
`;

/**
 * Calls each command that the script needs, in a form that changes nothing. Returns the errors of the commands that the
 * user may not run. It also returns the server's eviction policy if that is known.
 */
export const CHECK_SOURCE = `
local holders, queue, meta = KEYS[1], KEYS[2], KEYS[3]
local calls = {
  { 'TIME' }, { 'GET', meta }, { 'SET', meta, '', 'NX', 'XX' },
  { 'ZADD', holders, 'x', 'x' }, { 'ZADD', queue, 'x', 'x' }, { 'ZREM', holders, '' }, { 'ZREM', queue, '' },
  { 'ZRANGE', holders, '0', '0' }, { 'ZRANGE', queue, '0', '0' }, { 'ZSCORE', holders, '' }, { 'ZSCORE', queue, '' },
  { 'ZCARD', holders }, { 'ZCARD', queue }, { 'ZRANGEBYSCORE', holders, '-inf', '-inf' },
  { 'ZREMRANGEBYSCORE', holders, '-inf', '-inf' }, { 'PEXPIRE', holders, 'x' }, { 'PEXPIRE', queue, 'x' },
  { 'PUBLISH', ARGV[1], '' },
}
local errors, seen = {}, {}
for _, call in ipairs(calls) do
  local reply = redis.pcall(unpack(call))
  local text = type(reply) == 'table' and reply.err
  if text and not seen[call[1]]
    and (string.find(text, 'NOPERM') or string.find(text, "can't") or string.find(text, 'WRONGTYPE')) then
    seen[call[1]] = true
    errors[#errors + 1] = call[1] .. ': ' .. text
  end
end
local info = redis.pcall('INFO', 'memory')
local policy = type(info) == 'string' and string.match(info, 'maxmemory_policy:([%w-]+)') or ''
return { errors, policy }
`;

/** A script as it is sent, and the name by which Redis keeps it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** Returns a function that makes the script of `source` on first use. */
export function scriptOf(source: string): () => Script {
  let script: Script | undefined;
  return () => {
    if (script === undefined) {
      // Redis does not need the indentation.
      const text = source.replace(/^\s+/gm, '');
      script = { text, sha: createHash('sha1').update(text).digest('hex') };
    }
    return script;
  };
}

export const syncScript = scriptOf(SOURCE);
