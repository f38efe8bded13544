-- Tells where one budget's window stands, after giving back what nobody came back for.
-- KEYS: the window's hash (of the whole, or the common part of the values' hashes), the values it is
-- used by, their counts. ARGV: now, the kind of value (none, other, user), at most how many values.
-- Reply: the counts as a flat list, then for each value: value, spent, reserved, denials, marks. Or
-- `damaged` and the key that holds something else.

local window

local function read(value, hash)
  local leases, expiries = hash .. ':leases', hash .. ':expiry'
  window = hash
  give_back_lapsed(hash, leases, expiries, ARGV[1])
  forget_if_empty(hash, leases)
  local known = redis.call('HMGET', hash, 'spent', 'reserved', 'denials')
  for i = 1, 3 do
    if not is_whole(known[i]) then error('an amount is no number') end
  end
  local marks = {}
  for _, field in ipairs(redis.call('HKEYS', hash)) do
    if string.sub(field, 1, 7) == 'passed:' then table.insert(marks, field) end
  end
  return { value, known[1] or '0', known[2] or '0', known[3] or '0', table.concat(marks, ',') }
end

local function tell()
  -- Users whose requests a crash took with it may be far from the top: some of those who have spent
  -- nothing are looked at each time, or they would keep others out until the window ends.
  if ARGV[2] == 'user' then
    for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], 0, 0, 'LIMIT', 0, 200)) do
      read(user, KEYS[1] .. ':' .. user)
    end
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
end

local function damaged()
  if not is_a('zset', KEYS[2]) then return KEYS[2] end
  if not is_a('hash', KEYS[3]) then return KEYS[3] end
  return window and damaged_window(window, window .. ':leases', window .. ':expiry')
end

local done, reply = pcall(tell)
if done then return reply end
local key = damaged()
return key and { 'damaged', key } or failed(reply)
