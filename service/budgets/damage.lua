-- Which key holds something else than is kept there. It is put before scripts that tell it: only when
-- one has failed is looked for, so that it costs those that do not fail nothing.

local HIGHEST = '9223372036854775807'

-- Whether Redis can add to it: a whole number of 64 bits, or nothing.
local function is_whole(text)
  if not text or text == '0' then return true end
  local digits = string.match(text, '^%-?([1-9]%d*)$')
  return digits ~= nil and (#digits < #HIGHEST or (#digits == #HIGHEST and digits <= HIGHEST))
end

local function is_a(kind, key)
  local found = redis.call('TYPE', key).ok
  return found == 'none' or found == kind
end

local function has_numbers(key)
  if not is_a('hash', key) then return false end
  for _, amount in ipairs(redis.call('HVALS', key)) do
    if not is_whole(amount) then return false end
  end
  return true
end

local function damaged_window(hash, leases, expiries)
  if not is_a('hash', hash) then return hash end
  for _, amount in ipairs(redis.call('HMGET', hash, 'spent', 'reserved', 'denials')) do
    if not is_whole(amount) then return hash end
  end
  if not has_numbers(leases) then return leases end
  if not is_a('zset', expiries) then return expiries end
end

-- What a failure said, as it would have been told without being caught.
local function failed(reply)
  return redis.error_reply(type(reply) == 'table' and reply.err or reply)
end

