-- Reserves one request's part in all budgets that concern it, or in none.
--
-- KEYS: five for each budget: its window's hash, leases (hash), expiries (sorted set), and of the
-- budget's window as a whole the values it is used by (sorted set) and their counts (hash);
-- then three (hash, leases, expiries) for each reservation that is replaced.
-- ARGV: now, the lease, its expiry, how many budgets, the replaced lease; then for each budget:
-- amount, limit, whether it refuses, the amount from which it counts as used up, when its keys
-- vanish, the value, the kind of value (user, other or none), n and n pairs of percent and amount
-- (thresholds), m and m amounts (routes, the highest first).
-- Reply: what became of it, the budget's number and the route's number; then for each budget: spent,
-- reserved, whether there was no room, and the thresholds passed for the first time.
--
-- Amounts are compared as strings and added by HINCRBY: Lua's numbers are doubles.

local LARGEST = '9223372036854775807'

local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function number(key, field)
  return redis.call('HGET', key, field) or '0'
end

local function negative(amount)
  return amount == '0' and '0' or '-' .. amount
end

local function give_back(hash, leases, expiries, lease)
  local amount = redis.call('HGET', leases, lease)
  if amount then
    redis.call('HINCRBY', hash, 'reserved', negative(amount))
    redis.call('HDEL', leases, lease)
    redis.call('ZREM', expiries, lease)
  end
end

-- Whether an amount could be added: what does not fit into 64 bits must fail no request, as a script
-- that fails leaves all budgets unasked.
local function added(key, field, amount)
  local reply = redis.pcall('HINCRBY', key, field, amount)
  if type(reply) ~= 'table' or not reply.err then return true end
  if string.find(reply.err, 'overflow', 1, true) then return false end
  error(reply.err)
end

local function sum(key, a, b)
  redis.call('HSET', key, 'sum', a)
  return added(key, 'sum', b) and redis.call('HGET', key, 'sum') or LARGEST
end

local now, lease, expiry, count, replaced = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
for i = count * 5 + 1, #KEYS, 3 do
  give_back(KEYS[i], KEYS[i + 1], KEYS[i + 2], replaced)
end

local budgets, position = {}, 6
for i = 1, count do
  local key = (i - 1) * 5
  local budget = {
    hash = KEYS[key + 1], leases = KEYS[key + 2], expiries = KEYS[key + 3],
    values = KEYS[key + 4], counts = KEYS[key + 5],
    amount = ARGV[position], limit = ARGV[position + 1], refuses = ARGV[position + 2] == '1',
    used_up = ARGV[position + 3], vanish = ARGV[position + 4],
    value = ARGV[position + 5], kind = ARGV[position + 6],
    thresholds = {}, routes = {}, passed = {},
  }
  position = position + 8
  for _ = 1, tonumber(ARGV[position - 1]) do
    table.insert(budget.thresholds, { ARGV[position], ARGV[position + 1] })
    position = position + 2
  end
  position = position + 1
  for _ = 1, tonumber(ARGV[position - 1]) do
    table.insert(budget.routes, ARGV[position])
    position = position + 1
  end
  budgets[i] = budget
end

-- Some of what nobody came back for; the rest at the next requests.
for _, budget in ipairs(budgets) do
  for _, lost in ipairs(redis.call('ZRANGEBYSCORE', budget.expiries, '-inf', now, 'LIMIT', 0, 200)) do
    give_back(budget.hash, budget.leases, budget.expiries, lost)
  end
end

local outcome, chosen, way = 'held', 0, 0
for i, budget in ipairs(budgets) do
  -- Of a budget that refuses there is never so much reserved; others go on without this request's.
  if not added(budget.hash, 'reserved', budget.amount) then budget.amount = '0' end
  budget.spent = number(budget.hash, 'spent')
  if budget.refuses then
    local total = sum(budget.hash, budget.spent, number(budget.hash, 'reserved'))
    budget.full = less(budget.limit, total)
    if budget.full then
      budget.exhausted = less(budget.limit, sum(budget.hash, budget.spent, budget.amount))
      if outcome == 'held' then outcome, chosen = 'refused', i end
    end
  end
  if outcome ~= 'routed' then
    for j, from in ipairs(budget.routes) do
      if budget.full or not less(budget.spent, from) then
        outcome, chosen, way = 'routed', i, j
        break
      end
    end
  end
end

for _, budget in ipairs(budgets) do
  if outcome == 'held' then
    redis.call('HSET', budget.leases, lease, budget.amount)
    redis.call('ZADD', budget.expiries, expiry, lease)
    redis.call('PEXPIREAT', budget.leases, budget.vanish)
    redis.call('PEXPIREAT', budget.expiries, budget.vanish)
  else
    redis.call('HINCRBY', budget.hash, 'reserved', negative(budget.amount))
    if outcome == 'refused' and budget.full then
      redis.call('HINCRBY', budget.hash, 'denials', 1)
      if budget.kind == 'user' then redis.call('HINCRBY', budget.counts, 'denials', 1) end
    end
  end
  local is_new = redis.call('HSETNX', budget.hash, 'since', now) == 1
  if is_new then redis.call('PEXPIREAT', budget.hash, budget.vanish) end
  -- Callers choose users freely, and being refused costs nothing: of one who was never let in there
  -- is nothing to keep, or refused requests alone would fill the memory.
  if is_new and outcome ~= 'held' and budget.kind == 'user' and budget.spent == '0' then
    redis.call('DEL', budget.hash)
  elseif budget.kind ~= 'none' then
    -- The score is for ranking alone.
    redis.call('ZADD', budget.values, budget.spent, budget.value)
    if budget.kind == 'user' then redis.call('ZREMRANGEBYRANK', budget.values, 0, -101) end
    redis.call('PEXPIREAT', budget.values, budget.vanish)
  end
  local used_up = outcome == 'refused' and budget.exhausted and not less(budget.spent, budget.used_up)
  for _, threshold in ipairs(budget.thresholds) do
    local percent, from = threshold[1], threshold[2]
    if not less(budget.spent, from) or (used_up and percent == '100') then
      local mark = 'passed:' .. percent .. ':' .. budget.limit
      if redis.call('HSETNX', budget.hash, mark, now) == 1 then
        if budget.kind ~= 'user' or redis.call('HINCRBY', budget.counts, mark, 1) == 1 then
          table.insert(budget.passed, percent)
        end
      end
    end
  end
  if budget.kind == 'user' then redis.call('PEXPIREAT', budget.counts, budget.vanish) end
end

local reply = { outcome, chosen, way }
for _, budget in ipairs(budgets) do
  table.insert(reply, budget.spent)
  table.insert(reply, number(budget.hash, 'reserved'))
  table.insert(reply, budget.full and 1 or 0)
  table.insert(reply, table.concat(budget.passed, ','))
end
return reply
