-- Applies a batch of ledger entries as a whole, or says why nothing of it was applied.
--
-- KEYS[1]  the writer's mark: the number of the last entry of this writer that was applied
-- ARGV[1]  JSON, made by service/ledger/recording.py; its keys are of the same slot as KEYS[1]
--
-- Replies
--   {'elsewhere', mark}             the mark is not `after`; nothing was applied
--   {'repeated', id, ...}           these entries had been applied before; nothing was applied
--   {'applied', faults, states, bars}
--     states  spent and reserved of each charge's window, in order
--     bars    the lowest score of each full list of notable requests, in order, '' while not full
--
-- Amounts are strings here, never numbers: a Lua number is a double, exact to 2^53 only.

local SEPARATOR = '\31'
local OTHER = '_OTHER'
local LARGEST = '9223372036854775807'

local batch = cjson.decode(ARGV[1])

local mark = redis.call('GET', KEYS[1]) or '0'
if mark ~= batch.after then
  return {'elsewhere', mark}
end

local repeated = {'repeated'}
for _, seen in ipairs(batch.ids) do
  local known = redis.call('SMISMEMBER', seen[1], unpack(seen[3]))
  for i, is_known in ipairs(known) do
    if is_known == 1 then
      repeated[#repeated + 1] = seen[3][i]
    end
  end
end
if #repeated > 1 then
  return repeated
end

-- From here on things are written. The first command is refused where memory is short; after it
-- nothing stops the script, so a command that fails is counted and the others go on.
redis.call('SET', KEYS[1], batch.last, 'EX', batch.mark_seconds)
for _, seen in ipairs(batch.ids) do
  redis.call('SADD', seen[1], unpack(seen[3]))
  redis.call('EXPIRE', seen[1], seen[2])
end

local faults = 0

local function try(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    faults = faults + 1
    return nil
  end
  return reply
end

-- A counter that is full goes on in another field, whose name has a '+' more: readers add them up.
local function add(key, name, amount)
  for _ = 1, 16 do
    local reply = redis.pcall('HINCRBY', key, name, amount)
    if type(reply) ~= 'table' or not reply.err then
      return
    end
    if not string.find(reply.err, 'overflow', 1, true) then
      break
    end
    name = name .. '+'
  end
  faults = faults + 1
end

local function keep_until(key, moment)
  if try('TTL', key) == -1 then
    try('EXPIREAT', key, moment)
  end
end

-- A value that is new where there are too many is counted under OTHER.
local function admitted(key, value)
  if value == OTHER or try('HEXISTS', key, value .. SEPARATOR .. 'requests') == 1 then
    return value
  end
  local count = SEPARATOR .. 'values'
  if tonumber(try('HGET', key, count) or '0') >= batch.most_values then
    return OTHER
  end
  try('HINCRBY', key, count, 1)
  return value
end

local function count_value(prefix, expires, row)
  local key = prefix .. row[1]
  local field = admitted(key, row[2]) .. SEPARATOR
  local amounts = row[3]
  for i = 1, #amounts, 2 do
    add(key, field .. amounts[i], amounts[i + 1])
  end
  keep_until(key, expires)
end

-- Users have a hash each, and a list by cost, which is for ranking alone: its scores are doubles.
local function count_user(prefix, expires, row)
  local ranking = prefix .. 'user'
  local user = row[1]
  if user ~= OTHER and not try('ZSCORE', ranking, user) then
    if (try('ZCARD', ranking) or 0) >= batch.most_users then
      user = OTHER
    end
  end
  if user ~= OTHER then
    try('ZINCRBY', ranking, row[2], user)
    keep_until(ranking, expires)
  end
  local key = ranking .. ':' .. user
  local amounts = row[3]
  for i = 1, #amounts, 2 do
    add(key, amounts[i], amounts[i + 1])
  end
  keep_until(key, expires)
end

for _, part in ipairs(batch.usage) do
  for i, bucket in ipairs(part.buckets) do
    -- By week, the fourth, only users are counted.
    if i <= 3 then
      for _, row in ipairs(part.values) do
        count_value(bucket[1], bucket[2], row)
      end
    end
    for _, row in ipairs(part.users) do
      count_user(bucket[1], bucket[2], row)
    end
  end
end

for _, slot in ipairs(batch.pace) do
  for i = 1, #slot[3], 2 do
    add(slot[1], slot[3][i], slot[3][i + 1])
  end
  keep_until(slot[1], slot[2])
end

local function give_back(key, lease)
  local leases = key .. ':leases'
  local held = try('HGET', leases, lease)
  if not held then
    return
  end
  if held ~= '0' then
    try('HINCRBY', key, 'reserved', '-' .. held)
  end
  try('HDEL', leases, lease)
  try('ZREM', key .. ':expiry', lease)
end

local states = {}
for _, charge in ipairs(batch.charges) do
  local key, amount, lease, expires = charge[1], charge[2], charge[3], charge[4]
  if lease ~= '' then
    give_back(key, lease)
  end
  local reply = amount ~= '0' and redis.pcall('HINCRBY', key, 'spent', amount)
  if type(reply) == 'table' and reply.err then
    if string.find(reply.err, 'overflow', 1, true) then
      try('HSET', key, 'spent', LARGEST)
    else
      faults = faults + 1
    end
  end
  if expires ~= '0' and try('PTTL', key) == -1 then
    try('PEXPIREAT', key, expires)
  end
  local state = try('HMGET', key, 'spent', 'reserved') or {}
  states[#states + 1] = state[1] or '0'
  states[#states + 1] = state[2] or '0'
end

local bars = {}
for _, list in ipairs(batch.notable) do
  local key, expires, most, members = list[1], list[2], list[3], list[4]
  for i = 1, #members, 2 do
    try('ZADD', key, members[i], members[i + 1])
  end
  try('ZREMRANGEBYRANK', key, 0, -(most + 1))
  keep_until(key, expires)
  local lowest = {}
  if (try('ZCARD', key) or 0) >= most then
    lowest = try('ZRANGE', key, 0, 0, 'WITHSCORES') or {}
  end
  bars[#bars + 1] = lowest[2] or ''
end

return {'applied', faults, states, bars}
