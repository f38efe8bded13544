-- Tells where one budget's window stands, after giving back what nobody came back for.
-- KEYS: the window's hash (of the whole, or the common part of the values' hashes), the values it is
-- used by, their counts. ARGV: now, the kind of value (none, other, user), at most how many values.
-- Reply: the counts as a flat list, then for each value: value, spent, reserved, denials, marks.

local function read(value, hash)
  local leases, expiries = hash .. ':leases', hash .. ':expiry'
  for _, lost in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', ARGV[1], 'LIMIT', 0, 200)) do
    local amount = redis.call('HGET', leases, lost)
    if amount then redis.call('HINCRBY', hash, 'reserved', amount == '0' and '0' or '-' .. amount) end
    redis.call('HDEL', leases, lost)
    redis.call('ZREM', expiries, lost)
  end
  local known = redis.call('HMGET', hash, 'spent', 'reserved', 'denials')
  local marks = {}
  for _, field in ipairs(redis.call('HKEYS', hash)) do
    if string.sub(field, 1, 7) == 'passed:' then table.insert(marks, field) end
  end
  return { value, known[1] or '0', known[2] or '0', known[3] or '0', table.concat(marks, ',') }
end

local reply = { redis.call('HGETALL', KEYS[3]) }
if ARGV[2] == 'none' then
  table.insert(reply, read('', KEYS[1]))
else
  for _, value in ipairs(redis.call('ZREVRANGE', KEYS[2], 0, tonumber(ARGV[3]) - 1)) do
    table.insert(reply, read(value, KEYS[1] .. ':' .. value))
  end
end
return reply
