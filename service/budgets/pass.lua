-- Notes thresholds that what was spent has passed; tells which ones nobody had noted.
-- KEYS: the window's hash, the counts of the budget's window. ARGV: now, the kind of value, when the
-- keys vanish, the limit, then percents.

local function is_hash(key)
  local kind = redis.call('TYPE', key).ok
  return kind == 'none' or kind == 'hash'
end

-- Whoever reserves, and whoever looks where the budget stands, is told of it.
if not is_hash(KEYS[1]) or not is_hash(KEYS[2]) then return {} end

-- A user whose spending is counted under _OTHER has no hash, and gets none here.
if ARGV[2] == 'user' and redis.call('EXISTS', KEYS[1]) == 0 then return {} end

local passed = {}
for i = 5, #ARGV do
  local mark = 'passed:' .. ARGV[i] .. ':' .. ARGV[4]
  if redis.call('HSETNX', KEYS[1], mark, ARGV[1]) == 1 then
    if ARGV[2] ~= 'user' then
      table.insert(passed, ARGV[i])
    else
      if redis.pcall('HINCRBY', KEYS[2], mark, 1) == 1 then table.insert(passed, ARGV[i]) end
      redis.call('PEXPIREAT', KEYS[2], ARGV[3])
    end
  end
end
-- Nobody reserved or settled in this window: its hash was made here and has no end yet.
if redis.call('PTTL', KEYS[1]) == -1 then redis.call('PEXPIREAT', KEYS[1], ARGV[3]) end
return passed
