-- Writes as the scripts of ledger, budgets and response cache do: with each command they use, so that
-- a right that is missing shows here and not as usage that is counted in part.
--
-- KEYS  a text, a hash, a set and a sorted set. ARGV  how many seconds the text is kept.
--
-- The text alone reaches the append-only file and replicas; the others are gone at the end.

local text, hash, set, sorted = unpack(KEYS)
local seconds = ARGV[1]
local call = redis.call

call('SET', text, '1', 'EX', seconds)
redis.set_repl(redis.REPL_NONE)
call('DEL', hash, set, sorted)

local time = call('TIME')
local moment = tonumber(time[1]) + tonumber(seconds)

call('GET', text)
call('TYPE', text)
call('HSET', hash, 'a', '1')
call('EXPIRE', hash, seconds)
call('HSETNX', hash, 'b', '1')
call('HINCRBY', hash, 'a', '1')
call('HGET', hash, 'a')
call('HMGET', hash, 'a', 'b')
call('HEXISTS', hash, 'a')
call('HKEYS', hash)
call('HVALS', hash)
call('HGETALL', hash)
call('HSCAN', hash, '0', 'COUNT', '2')
call('HDEL', hash, 'b')
call('EXPIREAT', hash, moment)
call('TTL', hash)
call('PEXPIREAT', hash, moment .. '000')
call('PTTL', hash)
call('EXISTS', hash)

call('SADD', set, 'a')
call('EXPIRE', set, seconds)
call('SISMEMBER', set, 'a')
call('SMISMEMBER', set, 'a')

call('ZADD', sorted, '1', 'a')
call('EXPIRE', sorted, seconds)
call('ZSCORE', sorted, 'a')
call('ZCARD', sorted)
call('ZRANGE', sorted, '0', '-1')
call('ZREVRANGE', sorted, '0', '-1')
call('ZRANGEBYSCORE', sorted, '0', '1')
call('ZREM', sorted, 'b')
call('ZREMRANGEBYRANK', sorted, '1', '-1')

call('DEL', hash, set, sorted)
return 1
