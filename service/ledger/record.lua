-- Applies a batch of ledger entries as a whole, or says why nothing of it was applied.
--
-- KEYS[1]  the writer's mark: the number of the last entry of this writer that was applied
-- KEYS[2]  a hash that nobody reads, to try on
-- ARGV[1]  JSON, made by service/ledger/recording.py; its keys are of the same slot as KEYS[1]
--
-- A batch without `after` holds estimates of what requests used whose writer is gone; KEYS[1] is that
-- writer's then. Each is applied only while its request is noted as open, so that of all who try, and
-- of the writer itself where it is not gone after all, one alone counts it.
--
-- Replies, words in one text, which costs a client less to read than a list
--   elsewhere MARK        the mark is not `after`; nothing was applied
--   repeated ID ...       these entries had been applied before; nothing was applied
--   applied FAULTS STATE ... BAR ...
--     STATE  spent and reserved of each charge's window, in order
--     BAR    the lowest score of each full list of notable requests, in order, - while not full
--   and, where FAULTS is not 0, on a line of its own a JSON list of keys and what Redis said of each
-- or a list
--   estimated ID LINE ... these estimates stand in the place of entries; nothing was applied. The
--                         batch has to take them back, by negative amounts, and to name them
--                         in `instead`
--
-- A key that holds something else than is kept there keeps no entry from being counted everywhere
-- else. Where the mark is damaged the writer's word counts, and the ids of entries see to it that
-- none is counted twice; where their set is damaged the mark does. Both are begun anew, and so are
-- estimates.
--
-- Amounts are strings here, never numbers: a Lua number is a double, exact to 2^53 only.
--
-- The append-only file and replicas are told the values that fields have now, not what was added. A
-- server whose file ends in the middle of a script drops that part, but leaves the beginning of it
-- in the file and applies it at the next start, together with what came after: values do no harm
-- there, as what was sent again meanwhile overwrites them; additions would be made twice.

local SEPARATOR = '\31'
local OTHER = '_OTHER'
local LARGEST = '9223372036854775807'

local batch = cjson.decode(ARGV[1])

local mark = unless_damaged(KEYS[1], redis.pcall('GET', KEYS[1]))
if mark == false then
  mark = '0'
elseif mark and not string.match(mark, '^%d+$') then
  fault(KEYS[1], 'it is no number')
  mark = nil
end
mark = mark or batch.after or '0'
if batch.after and mark ~= batch.after then
  return 'elsewhere ' .. mark
end

local replaced = {}
for _, id in ipairs(batch.instead) do
  replaced[id] = true
end
local estimates = redis.call('TYPE', batch.estimated).ok
if batch.after and estimates == 'hash' then
  local estimated = {'estimated'}
  for _, seen in ipairs(batch.ids) do
    for i, line in ipairs(redis.call('HMGET', batch.estimated, unpack(seen[3]))) do
      if line and not replaced[seen[3][i]] then
        estimated[#estimated + 1] = seen[3][i]
        estimated[#estimated + 1] = line
      end
    end
  end
  if #estimated > 1 then
    return estimated
  end
end

local repeated = {'repeated'}
for _, seen in ipairs(batch.ids) do
  local known = unless_damaged(seen[1], redis.pcall('SMISMEMBER', seen[1], unpack(seen[3])))
  local open = not batch.after
    and (unless_damaged(batch.open, redis.pcall('HMGET', batch.open, unpack(seen[3]))) or {})
  seen.damaged = known == nil
  for i in ipairs(seen[3]) do
    local is_known = known and known[i]
    local id = seen[3][i]
    if is_known == 1 and not replaced[id] or open and not open[i] then
      repeated[#repeated + 1] = id
    end
  end
end
if #repeated > 1 then
  return table.concat(repeated, ' ')
end

-- From here on things are written. The first command is refused where memory is short, and those
-- that count where the right to them is missing; after them nothing stops the script, so a command
-- that fails is counted and the others go on.
redis.set_repl(redis.REPL_NONE)
redis.call('SET', KEYS[1], mark, 'EX', batch.mark_seconds)
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'a', '0')
redis.call('HINCRBY', KEYS[2], 'a', '0')
redis.call('HMGET', KEYS[2], 'a')
redis.call('DEL', KEYS[2])
redis.set_repl(redis.REPL_ALL)

-- A counter that is full goes on in another field, whose name has a '+' more: readers add them up.
local function add(key, name, amount)
  for _ = 1, 16 do
    local reply = redis.pcall('HINCRBY', key, name, amount)
    if type(reply) ~= 'table' or not reply.err then
      return name
    end
    if not string.find(reply.err, 'overflow', 1, true) then
      fault(key, reply.err)
      return nil
    end
    name = name .. '+'
  end
  fault(key, 'its counter is full sixteen times over')
  return nil
end

-- Adds to the counters of one hash; amounts are counter and amount in turns.
local function add_all(key, prefix, amounts, without_buckets)
  local names = {}
  redis.set_repl(redis.REPL_NONE)
  for i = 1, #amounts, 2 do
    local counter = amounts[i]
    if not without_buckets or string.sub(counter, 1, 2) ~= 'le' then
      names[#names + 1] = add(key, prefix .. counter, amounts[i + 1])
    end
  end
  redis.set_repl(redis.REPL_ALL)
  if #names == 0 then
    return
  end
  local values = try('HMGET', key, unpack(names)) or {}
  local fields = {}
  for i, name in ipairs(names) do
    fields[2 * i - 1] = name
    fields[2 * i] = values[i]
  end
  try('HSET', key, unpack(fields))
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
  local values = tonumber(try('HGET', key, count) or '0') or 0
  if values >= batch.most_values then
    return OTHER
  end
  try('HSET', key, count, values + 1)
  return value
end

local function count_value(prefix, expires, row, sums)
  local key = prefix .. row[1]
  add_all(key, admitted(key, row[2]) .. SEPARATOR, sums[row[3]])
  keep_until(key, expires)
end

-- Users have a hash each, without latency buckets, and a list by cost, which is for ranking alone:
-- its scores are doubles.
local function count_user(prefix, expires, row, sums)
  local ranking = prefix .. 'user'
  local user = row[1]
  if user ~= OTHER and not try('ZSCORE', ranking, user) then
    if (try('ZCARD', ranking) or 0) >= batch.most_users then
      user = OTHER
    end
  end
  local key = ranking .. ':' .. user
  add_all(key, '', sums[row[2]], true)
  keep_until(key, expires)
  if user ~= OTHER then
    try('ZADD', ranking, try('HGET', key, 'cost') or '0', user)
    keep_until(ranking, expires)
  end
end

for _, part in ipairs(batch.usage) do
  for i, bucket in ipairs(part.buckets) do
    -- By week, the fourth, only users are counted.
    if i <= 3 then
      for _, row in ipairs(part.values) do
        count_value(bucket[1], bucket[2], row, part.sums)
      end
    end
    for _, row in ipairs(part.users) do
      count_user(bucket[1], bucket[2], row, part.sums)
    end
  end
end

for _, slot in ipairs(batch.pace) do
  add_all(slot[1], '', slot[3])
  keep_until(slot[1], slot[2])
end

-- Takes a lease off what is reserved; the caller tells the file what that comes to.
local function give_back(key, lease)
  local leases = key .. ':leases'
  local held = try('HGET', leases, lease)
  if not held then
    return
  end
  if held ~= '0' then
    redis.set_repl(redis.REPL_NONE)
    try('HINCRBY', key, 'reserved', '-' .. held)
    redis.set_repl(redis.REPL_ALL)
  end
  try('HDEL', leases, lease)
  try('ZREM', key .. ':expiry', lease)
end

local function spend(key, amount)
  redis.set_repl(redis.REPL_NONE)
  local reply = amount ~= '0' and redis.pcall('HINCRBY', key, 'spent', amount)
  if type(reply) == 'table' and reply.err then
    if string.find(reply.err, 'overflow', 1, true) then
      try('HSET', key, 'spent', LARGEST)
    else
      fault(key, reply.err)
    end
  end
  redis.set_repl(redis.REPL_ALL)
end

-- Of a user's window the list of users, the user, and the window of all who are not in the list.
local function users_of(key)
  local shared, user = string.match(key, '^(.*):([^:]*)$')
  return (shared or '') .. '#values', user or key, (shared or '') .. ':' .. OTHER
end

-- The window that is charged: a new user where there are too many is counted with all others. Whoever
-- holds a lease is in the list.
local function charged(key, amount, most)
  if most == 0 or amount == '0' then
    return key
  end
  local users, user, other = users_of(key)
  if try('ZSCORE', users, user) or (try('ZCARD', users) or 0) < most then
    return key
  end
  return other
end

local function is_number(amount)
  return string.match(amount, '^%-?%d+$') ~= nil
end

local function is_empty(key, state)
  for i = 1, 3 do
    if state[i] and state[i] ~= '0' then
      return false
    end
  end
  return try('EXISTS', key .. ':leases') == 0
end

-- Users have a place in the list as long as they have a hash; its scores are for ranking alone.
local function list_user(key, spent, expires)
  local users, user = users_of(key)
  if not spent then
    try('ZREM', users, user)
    return
  end
  try('ZADD', users, spent, user)
  if expires ~= '0' and try('PTTL', users) == -1 then
    try('PEXPIREAT', users, expires)
  end
end

local words = {'applied'}
for _, charge in ipairs(batch.charges) do
  local key, amount, lease, expires, most = unpack(charge)
  if lease ~= '' then
    give_back(key, lease)
  end
  key = charged(key, amount, most)
  spend(key, amount)
  local state = try('HMGET', key, 'spent', 'reserved', 'denials') or {}
  local fields = {}
  for i, name in ipairs({'spent', 'reserved'}) do
    local amount = state[i]
    if amount and not is_number(amount) then
      fault(key, 'an amount is no number')
      amount = nil
    end
    if amount then
      fields[#fields + 1] = name
      fields[#fields + 1] = amount
    end
    words[#words + 1] = amount or '0'
  end
  if #fields > 0 and is_empty(key, state) then
    try('DEL', key)
    fields = {}
  end
  if #fields > 0 then
    try('HSET', key, unpack(fields))
    if expires ~= '0' and try('PTTL', key) == -1 then
      try('PEXPIREAT', key, expires)
    end
  end
  if most ~= 0 then
    list_user(key, #fields > 0 and (state[1] or '0'), expires)
  end
end

for _, taken_back in ipairs(batch.unnotable) do
  try('ZREM', taken_back[1], taken_back[2])
end
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
  words[#words + 1] = lowest[2] or '-'
end

-- Last: of a script that is cut off in the file nothing says that it was applied.
for _, seen in ipairs(batch.ids) do
  if seen.damaged then
    try('DEL', seen[1])
  end
  try('SADD', seen[1], unpack(seen[3]))
  try('EXPIRE', seen[1], seen[2])
  redis.pcall('HDEL', batch.open, unpack(seen[3]))
end
if estimates ~= 'hash' and estimates ~= 'none' then
  try('DEL', batch.estimated)
end
if #batch.instead > 0 then
  try('HDEL', batch.estimated, unpack(batch.instead))
end
if batch.after then
  try('SET', KEYS[1], batch.last, 'EX', batch.mark_seconds)
else
  try('HSET', batch.estimated, unpack(batch.lines))
  try('EXPIRE', batch.estimated, batch.mark_seconds)
end

table.insert(words, 2, tostring(faults))
local reply = table.concat(words, ' ')
return faults == 0 and reply or reply .. '\n' .. cjson.encode(damaged)
