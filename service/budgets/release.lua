-- Gives a lease's reservations back; what was settled or given back before is left alone. The request
-- is open no longer.
-- KEYS: where this writer's open requests are, then three for each reservation: its window's hash,
-- leases and expiries. ARGV: the lease, the request.

redis.call('HDEL', KEYS[1], ARGV[2])
for i = 2, #KEYS, 3 do
  give_back(KEYS[i], KEYS[i + 1], KEYS[i + 2], ARGV[1])
  forget_if_empty(KEYS[i], KEYS[i + 1])
end
return 1
