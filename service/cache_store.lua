-- Keeps one answer of the response cache, and lets go of others until all fit.
--
-- KEYS  the answer, the answers by the moment they expire, the bytes of each, the bytes of all
-- ARGV  its name in the lists, its bytes, seconds to keep it, the most answers, the most bytes,
--       what an answer takes besides its own bytes, what the keys of answers begin with
--
-- Replies the number of answers that were let go before they expired. Sizes are small numbers.

local answer, expiries, sizes, total = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, bytes, seconds = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most, most_bytes, overhead = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- The first command is refused where memory is short, and then nothing is changed.
redis.call('SET', answer, bytes, 'EX', seconds)

local function is_a(kind, key)
  local found = redis.call('TYPE', key).ok
  return found == 'none' or found == kind
end

-- The lists say what there is and hold no answer: where somebody else wrote over one, all are begun
-- anew. Answers that are in none go when they expire.
local sum = is_a('string', total) and string.match(redis.call('GET', total) or '0', '^%-?%d+$')
sum = sum and tonumber(sum)
if not sum or not is_a('hash', sizes) or not is_a('zset', expiries) then
  redis.call('DEL', total, sizes, expiries)
  sum = 0
end

local function forget(other)
  sum = sum - (tonumber(redis.call('HGET', sizes, other) or '0') or 0)
  redis.call('HDEL', sizes, other)
  redis.call('ZREM', expiries, other)
end

forget(name)
local size = #bytes + overhead
redis.call('ZADD', expiries, now + seconds * 1000, name)
redis.call('HSET', sizes, name, size)
sum = sum + size

for _, other in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 100)) do
  forget(other)
end

local gone = 0
-- Bounded, as Redis does nothing else meanwhile; the next answer goes on with it.
while gone < 1000 and (redis.call('ZCARD', expiries) > most or sum > most_bytes) do
  local first = redis.call('ZRANGE', expiries, 0, 0)[1]
  if not first then
    -- Nothing is left and yet the sum says otherwise: begin it anew.
    redis.call('DEL', sizes)
    sum = 0
    break
  end
  redis.call('DEL', ARGV[7] .. first)
  forget(first)
  gone = gone + 1
end
redis.call('SET', total, sum)
return gone
