-- Gives a lease's reservations back; what was settled or given back before is left alone. The request
-- is open no longer.
-- KEYS: where this writer's open requests are, then three for each reservation: its window's hash,
-- leases and expiries. ARGV: the lease, the request.

-- One that cannot be given back keeps no other: it is of a window that holds something else.
redis.pcall('HDEL', KEYS[1], ARGV[2])
local failure
for i = 2, #KEYS, 3 do
  local done, reply = pcall(function()
    give_back(KEYS[i], KEYS[i + 1], KEYS[i + 2], ARGV[1])
    forget_if_empty(KEYS[i], KEYS[i + 1])
  end)
  if not done and not damaged_window(KEYS[i], KEYS[i + 1], KEYS[i + 2]) then failure = reply end
end
return failure and failed(failure) or 1
