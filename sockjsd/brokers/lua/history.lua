-- Reads a part of a history, and the last position.
--
-- KEYS  1 stream  2 meta
-- ARGV  1 epoch, if a new one is needed  2 ttl of the meta, ms  3 first id  4 last id  5 limit, 0 for none, -1 for all
--       6 XRANGE or XREVRANGE
-- Returns {{offset, epoch, tag}, entries as XRANGE has them}

local epoch = open_epoch(ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local entries = {}
if ARGV[5] == '-1' then
  entries = redis.call(ARGV[6], KEYS[1], ARGV[3], ARGV[4])
elseif ARGV[5] ~= '0' then
  entries = redis.call(ARGV[6], KEYS[1], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
end
return {last_position(epoch), entries}
