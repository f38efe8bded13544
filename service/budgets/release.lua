-- Gives a lease's reservations back; what was settled or given back before is left alone.
-- KEYS: three for each reservation: its window's hash, leases and expiries. ARGV: the lease.

for i = 1, #KEYS, 3 do
  local amount = redis.call('HGET', KEYS[i + 1], ARGV[1])
  if amount then
    redis.call('HINCRBY', KEYS[i], 'reserved', amount == '0' and '0' or '-' .. amount)
    redis.call('HDEL', KEYS[i + 1], ARGV[1])
    redis.call('ZREM', KEYS[i + 2], ARGV[1])
  end
end
return 1
