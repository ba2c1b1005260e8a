-- Ends a lease.
--
-- KEYS  1 clients  2 leases  3 users
-- ARGV  1 client
-- Returns 1

forget(ARGV[1])
return 1
