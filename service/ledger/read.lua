-- Tells a part of a hash as one text: a JSON list of fields and their values by turns. A client makes
-- one object of it, where it would make one of every field and of every value.
-- KEYS: the hash. ARGV: where to go on, about how many fields.
-- Reply: where to go on then, 0 at the end, and the text.

local part = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
return { part[1], cjson.encode(part[2]) }
