-- How many are there.
--
-- KEYS  1 clients  2 leases  3 users
-- Returns {clients, users}

sweep(-1)
return {redis.call('HLEN', KEYS[1]), redis.call('HLEN', KEYS[3])}
