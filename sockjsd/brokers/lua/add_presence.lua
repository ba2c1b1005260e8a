-- Begins or renews a lease.
--
-- KEYS  1 clients  2 leases  3 users
-- ARGV  1 client  2 info  3 ttl, ms
-- Returns 1

local before = redis.call('HGET', KEYS[1], ARGV[1])
if before ~= ARGV[2] then
  if before then
    forget(ARGV[1])
  end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HINCRBY', KEYS[3], user_of(ARGV[2]), 1)
end
redis.call('ZADD', KEYS[2], now() + tonumber(ARGV[3]), ARGV[1])
-- As long as the longest lease.
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', key, ARGV[3])
  end
end
-- A few each time, so that a channel which nobody asks about does not grow either.
sweep(10)
return 1
