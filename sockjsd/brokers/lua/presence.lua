-- Who is there.
--
-- KEYS  1 clients  2 leases  3 users
-- Returns client, info, client, info, …

sweep(-1)
return redis.call('HGETALL', KEYS[1])
