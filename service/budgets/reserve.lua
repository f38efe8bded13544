-- Reserves one request's part in all budgets that concern it, or in none. Where it does, the request
-- is noted as open, with all that is needed to enter it in the ledger should its worker die.
--
-- KEYS: where this writer's open requests are (hash); five for each budget: its window's hash, leases
-- (hash), expiries (sorted set), and of the budget's window as a whole the values it is used by
-- (sorted set) and their counts (hash);
-- then three (hash, leases, expiries) for each reservation that is replaced.
-- ARGV: now, the lease, its expiry, how many budgets, the replaced lease, the request and what is
-- noted of it; then for each budget: amount, limit, whether it refuses, the amount from which it
-- counts as used up, when its keys vanish, the value, the kind of value (user, other or none), how many users are told apart, n and n
-- pairs of percent and amount (thresholds), m and m amounts (routes, the highest first).
-- Reply: what became of it, the budget's number and the route's number; then for each budget: spent,
-- reserved, whether there was no room, the thresholds passed for the first time, and whether it was
-- asked as one of the users beyond those who are told apart. Or `damaged`, and for each budget of
-- which a key holds something else its number and the key: then nothing is reserved.
--
-- Amounts are compared as strings and added by HINCRBY: Lua's numbers are doubles.

local LARGEST = '9223372036854775807'
local OTHER = '_OTHER'

local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function number(key, field)
  local found = redis.call('HGET', key, field) or '0'
  if not is_whole(found) then error('an amount is no number') end
  return found
end

-- What takes back what was written so far, for when a later budget's key cannot be used.
local undo = {}

local function back(...)
  undo[#undo + 1] = { ... }
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
local budgets = {}

local function give_back_replaced()
  for i = count * 5 + 2, #KEYS, 3 do
    local done, reply = pcall(give_back, KEYS[i], KEYS[i + 1], KEYS[i + 2], replaced)
    -- Of a window that holds something else it lapses with the rest.
    if not done and not damaged_window(KEYS[i], KEYS[i + 1], KEYS[i + 2]) then error(reply) end
  end
end

local function read_arguments()
  local position = 8
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
end

local outcome, chosen, way = 'held', 0, 0

local function decide()
  for i, budget in ipairs(budgets) do
    -- Of a budget that refuses there is never so much reserved; others go on without this request's.
    if not added(budget.hash, 'reserved', budget.amount) then budget.amount = '0' end
    back('HINCRBY', budget.hash, 'reserved', negative(budget.amount))
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
end

local function hold(budget)
  redis.call('HSET', budget.leases, lease, budget.amount)
  back('HDEL', budget.leases, lease)
  redis.call('ZADD', budget.expiries, expiry, lease)
  back('ZREM', budget.expiries, lease)
  redis.call('PEXPIREAT', budget.leases, budget.vanish)
  redis.call('PEXPIREAT', budget.expiries, budget.vanish)
end

local function give_up(budget)
  redis.call('HINCRBY', budget.hash, 'reserved', negative(budget.amount))
  back('HINCRBY', budget.hash, 'reserved', budget.amount)
  if outcome == 'refused' and budget.full then
    local counted = budget.kind == 'user' and budget.counts or budget.hash
    redis.call('HINCRBY', counted, 'denials', 1)
    back('HINCRBY', counted, 'denials', -1)
  end
end

local function note_thresholds(budget)
  local used_up = outcome == 'refused' and budget.exhausted and not less(budget.spent, budget.used_up)
  for _, threshold in ipairs(budget.thresholds) do
    local percent, from = threshold[1], threshold[2]
    if not less(budget.spent, from) or (used_up and percent == '100') then
      local mark = 'passed:' .. percent .. ':' .. budget.limit
      if redis.call('HSETNX', budget.hash, mark, now) == 1 then
        back('HDEL', budget.hash, mark)
        local first = true
        if budget.kind == 'user' then
          first = redis.call('HINCRBY', budget.counts, mark, 1) == 1
          back('HINCRBY', budget.counts, mark, -1)
        end
        if first then table.insert(budget.passed, percent) end
      end
    end
  end
end

local function write()
  for _, budget in ipairs(budgets) do
    if outcome == 'held' then hold(budget) else give_up(budget) end
    if redis.call('HSETNX', budget.hash, 'since', now) == 1 then
      redis.call('PEXPIREAT', budget.hash, budget.vanish)
    end
    if budget.kind ~= 'none' then
      -- The score is for ranking alone.
      redis.call('ZADD', budget.values, budget.spent, budget.value)
      redis.call('PEXPIREAT', budget.values, budget.vanish)
    end
    note_thresholds(budget)
    if budget.kind == 'user' then redis.call('PEXPIREAT', budget.counts, budget.vanish) end
  end
end

-- Last, and it fails nothing: without the note only the worker's death is not accounted for.
local function note_request()
  if outcome == 'held' then
    local charges = {}
    for i, budget in ipairs(budgets) do
      charges[i] = { budget.hash, budget.amount, budget.vanish, budget.most_users }
    end
    redis.pcall('HSET', KEYS[1], ARGV[6], ARGV[7] .. '\n' .. lease .. '\n' .. cjson.encode(charges))
  elseif replaced ~= '' then
    redis.pcall('HDEL', KEYS[1], ARGV[6])
  end
end

local function reserve()
  give_back_replaced()
  read_arguments()
  for _, budget in ipairs(budgets) do
    if budget.kind == 'user' then share_with_others(budget, tonumber(budget.most_users)) end
    give_back_lapsed(budget.hash, budget.leases, budget.expiries, now)
  end
  decide()
  write()
  note_request()
end

-- All or nothing: what was written of a request that cannot be decided on is taken back.
local function damaged()
  for i = #undo, 1, -1 do redis.pcall(unpack(undo[i])) end
  local found = { 'damaged' }
  for i, budget in ipairs(budgets) do
    local key = damaged_window(budget.hash, budget.leases, budget.expiries)
    if not key and budget.kind ~= 'none' and not is_a('zset', budget.values) then
      key = budget.values
    end
    if not key and budget.kind == 'user' and not has_numbers(budget.counts) then
      key = budget.counts
    end
    if key then
      table.insert(found, i)
      table.insert(found, key)
    end
  end
  return #found > 1 and found
end

local done, failure = pcall(reserve)
if not done then return damaged() or failed(failure) end

-- What is left of windows that this request holds nothing of, now that all is decided.
for i = count * 5 + 2, #KEYS, 3 do
  pcall(forget_if_empty, KEYS[i], KEYS[i + 1])
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
