-- Loaded in front of the scripts for presence: leases, which end by themselves.
--
-- KEYS[1] is a hash of client → info, KEYS[2] a sorted set of clients by the time in ms when their lease ends,
-- KEYS[3] a hash of user → number of clients.  The time is Redis's: the clocks of nodes may differ.

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function user_of(info)
  return cjson.decode(info)['u']
end

local function forget(client)
  redis.call('ZREM', KEYS[2], client)
  local info = redis.call('HGET', KEYS[1], client)
  if info then
    local user = user_of(info)
    redis.call('HDEL', KEYS[1], client)
    if redis.call('HINCRBY', KEYS[3], user, -1) <= 0 then
      redis.call('HDEL', KEYS[3], user)
    end
  end
end

-- Forgets at most `limit` clients whose lease is over.
local function sweep(limit)
  for _, client in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now(), 'LIMIT', 0, limit)) do
    forget(client)
  end
end
