-- Counts entries that were lost, as a whole, or says why nothing was counted.
--
-- KEYS[1]  the mark of a worker's losses: the number of the last one that was counted
-- ARGV[1]  JSON, made by service/ledger/loss_recording.py; its keys are of the same slot as KEYS[1]
--
-- Replies the mark: `last` where it was counted, else what it is instead of `after`
--
-- Amounts are strings, and the append-only file is told values instead of additions: record.lua says
-- why.

local order = cjson.decode(ARGV[1])

-- Where the mark holds something else the worker's word counts, as in record.lua.
local mark = unless_damaged(KEYS[1], redis.pcall('GET', KEYS[1]))
if mark == false then
  mark = '0'
elseif not mark or not string.match(mark, '^%d+$') then
  mark = order.after
end
if mark ~= order.after then
  return mark
end

-- Refused where no writes are taken; after it nothing stops the script half way.
redis.set_repl(redis.REPL_NONE)
redis.call('SET', KEYS[1], mark, 'EX', order.mark_seconds)
redis.set_repl(redis.REPL_ALL)

for _, bucket in ipairs(order.buckets) do
  local key, expires = bucket[1], bucket[2]
  for _, amount in ipairs(order.amounts) do
    redis.set_repl(redis.REPL_NONE)
    redis.pcall('HINCRBY', key, amount[1], amount[2])
    redis.set_repl(redis.REPL_ALL)
    local value = redis.pcall('HGET', key, amount[1])
    if type(value) == 'string' then
      redis.pcall('HSET', key, amount[1], value)
    end
  end
  if redis.pcall('TTL', key) == -1 then
    redis.pcall('EXPIREAT', key, expires)
  end
end

redis.call('SET', KEYS[1], order.last, 'EX', order.mark_seconds)
return order.last
