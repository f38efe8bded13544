-- Notes requests under way that reserved nothing, so that others can enter them if their worker dies.
-- One that has been entered meanwhile is passed over.
-- KEYS: where this writer's open requests are. ARGV: for each the ids that were entered in the same
-- ten minutes, its id, and the note.

-- Notes and remembered ids hold no amounts: notes that somebody else wrote over are begun anew, and
-- where it cannot be told what was entered it is noted.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then
  redis.call('DEL', KEYS[1])
end
for i = 1, #ARGV, 3 do
  if redis.pcall('SISMEMBER', ARGV[i], ARGV[i + 1]) ~= 1 then
    redis.call('HSET', KEYS[1], ARGV[i + 1], ARGV[i + 2])
  end
end
return 1
