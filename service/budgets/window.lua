-- What scripts do with a window; it is put before each of those that do.
--
-- A window is a hash; `leases` and `expiries` are the reservations beside it.

-- The part of a user's window's key that all users share, and the user; nothing for other scopes.
-- No part of a key has a colon in it.
local function of_user(hash)
  return string.match(hash, '^([^:]+:[^:]+:budget:[^:]+:user:.+):([^:]+)$')
end

local function negative(amount)
  return amount == '0' and '0' or '-' .. amount
end

-- A window with nothing in it has no hash. Callers choose users freely, and many requests cost
-- nothing: what they leave behind would fill the memory. Where there is a lease there is a hash, so
-- that no lease is ever taken off a sum that it is no part of.
local function forget_if_empty(hash, leases)
  for _, amount in ipairs(redis.call('HMGET', hash, 'spent', 'reserved', 'denials')) do
    if amount and amount ~= '0' then return end
  end
  if redis.call('EXISTS', leases) == 1 then return end
  redis.call('DEL', hash)
  local shared, user = of_user(hash)
  if shared then redis.call('ZREM', shared .. '#values', user) end
end

local function give_back(hash, leases, expiries, lease)
  local amount = redis.call('HGET', leases, lease)
  if amount then
    redis.call('HINCRBY', hash, 'reserved', negative(amount))
    redis.call('HDEL', leases, lease)
    redis.call('ZREM', expiries, lease)
  end
end

-- Gives back some of what nobody came back for; the rest at the next look.
local function give_back_lapsed(hash, leases, expiries, now)
  for _, lost in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 200)) do
    give_back(hash, leases, expiries, lost)
  end
end

