-- Notes requests under way that reserved nothing, so that others can enter them if their worker dies.
-- One that has been entered meanwhile is passed over.
-- KEYS: where this writer's open requests are. ARGV: for each the ids that were entered in the same
-- ten minutes, its id, and the note.

for i = 1, #ARGV, 3 do
  if redis.call('SISMEMBER', ARGV[i], ARGV[i + 1]) == 0 then
    redis.call('HSET', KEYS[1], ARGV[i + 1], ARGV[i + 2])
  end
end
return 1
