-- Reserves one request's part in all budgets that concern it, or in none. Where it does, the request
-- is noted as open, with all that is needed to enter it in the ledger should its worker die.
--
-- KEYS: where this writer's open requests are (hash); five for each budget: its window's hash, leases
-- (hash), expiries (sorted set), and of the budget's window as a whole the values it is used by
-- (sorted set) and their counts (hash);
-- then three (hash, leases, expiries) for each reservation that is replaced.
-- ARGV: now, the lease, its expiry, how many budgets, the replaced lease, the request and what is noted
-- of it; then for each budget: amount, limit, whether it refuses, the amount from which it counts as used up, when its keys
-- vanish, the value, the kind of value (user, other or none), how many users are told apart, n and n
-- pairs of percent and amount (thresholds), m and m amounts (routes, the highest first).
-- Reply: what became of it, the budget's number and the route's number; then for each budget: spent,
-- reserved, whether there was no room, the thresholds passed for the first time, and whether it was
-- asked as one of the users beyond those who are told apart.
--
-- Amounts are compared as strings and added by HINCRBY: Lua's numbers are doubles.

local LARGEST = '9223372036854775807'
local OTHER = '_OTHER'

local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function number(key, field)
  return redis.call('HGET', key, field) or '0'
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

-- A new user where there are too many shares a window with all others who came too late.
local function share_with_others(budget, most)
  if redis.call('ZSCORE', budget.values, budget.value) then return end
  if redis.call('ZCARD', budget.values) < most then return end
  local shared = of_user(budget.hash)
  budget.hash, budget.value, budget.is_other = shared .. ':' .. OTHER, OTHER, true
  budget.leases, budget.expiries = budget.hash .. ':leases', budget.hash .. ':expiry'
end

local now, lease, expiry, count, replaced = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
for i = count * 5 + 2, #KEYS, 3 do
  give_back(KEYS[i], KEYS[i + 1], KEYS[i + 2], replaced)
end

local budgets, position = {}, 8
for i = 1, count do
  local key = (i - 1) * 5 + 1
  local budget = {
    hash = KEYS[key + 1], leases = KEYS[key + 2], expiries = KEYS[key + 3],
    values = KEYS[key + 4], counts = KEYS[key + 5],
    amount = ARGV[position], limit = ARGV[position + 1], refuses = ARGV[position + 2] == '1',
    used_up = ARGV[position + 3], vanish = ARGV[position + 4],
    value = ARGV[position + 5], kind = ARGV[position + 6], most_users = ARGV[position + 7],
    thresholds = {}, routes = {}, passed = {},
  }
  if budget.kind == 'user' then share_with_others(budget, tonumber(budget.most_users)) end
  position = position + 9
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

for _, budget in ipairs(budgets) do
  give_back_lapsed(budget.hash, budget.leases, budget.expiries, now)
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
      redis.call('HINCRBY', budget.kind == 'user' and budget.counts or budget.hash, 'denials', 1)
    end
  end
  if redis.call('HSETNX', budget.hash, 'since', now) == 1 then
    redis.call('PEXPIREAT', budget.hash, budget.vanish)
  end
  if budget.kind ~= 'none' then
    -- The score is for ranking alone.
    redis.call('ZADD', budget.values, budget.spent, budget.value)
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

if outcome == 'held' then
  local charges = {}
  for i, budget in ipairs(budgets) do
    charges[i] = { budget.hash, budget.amount, budget.vanish, budget.most_users }
  end
  redis.call('HSET', KEYS[1], ARGV[6], ARGV[7] .. '\n' .. lease .. '\n' .. cjson.encode(charges))
elseif replaced ~= '' then
  redis.call('HDEL', KEYS[1], ARGV[6])
end

-- What is left of windows that this request holds nothing of, now that all is decided.
for i = count * 5 + 2, #KEYS, 3 do
  forget_if_empty(KEYS[i], KEYS[i + 1])
end

local reply = { outcome, chosen, way }
for _, budget in ipairs(budgets) do
  table.insert(reply, budget.spent)
  table.insert(reply, number(budget.hash, 'reserved'))
  table.insert(reply, budget.full and 1 or 0)
  table.insert(reply, table.concat(budget.passed, ','))
  table.insert(reply, budget.is_other and 1 or 0)
  forget_if_empty(budget.hash, budget.leases)
end
return reply
