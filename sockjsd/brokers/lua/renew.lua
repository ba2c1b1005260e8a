-- Begins a new epoch, if the one that the caller knows still holds: of many who ask, one wins.
--
-- KEYS  1 stream  2 meta
-- ARGV  1 the new epoch  2 ttl of the meta, ms  3 the epoch that the caller knows
-- Returns {offset, epoch, tag} as they are now

local epoch = open_epoch(ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if epoch == ARGV[3] then
  redis.call('DEL', KEYS[1])
  redis.call('HDEL', KEYS[2], 's', 't')
  redis.call('HSET', KEYS[2], 'e', ARGV[1])
  epoch = ARGV[1]
end
return last_position(epoch)
