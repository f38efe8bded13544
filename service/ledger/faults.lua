-- What Redis refuses because a key holds something else: noted, so that all else goes on. It is put
-- before the script that applies entries.

local faults, damaged, told = 0, {}, {}

-- Takes note of what Redis said of a key; the first thing for each, and of so many keys.
local function fault(key, said)
  faults = faults + 1
  if not told[key] and #damaged < 20 then
    told[key] = true
    damaged[#damaged + 1] = { key, said }
  end
end

-- A reply, or nil where the key is of another type. What else fails, such as a server that takes no
-- writes or a right that is missing, fails the whole script before anything was written.
local function unless_damaged(key, reply)
  if type(reply) ~= 'table' or not reply.err then
    return reply
  end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then
    error(reply.err)
  end
  fault(key, reply.err)
  return nil
end

-- A command that may fail, once nothing stops the script any more.
local function try(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    fault((select(2, ...)), reply.err)
    return nil
  end
  return reply
end

