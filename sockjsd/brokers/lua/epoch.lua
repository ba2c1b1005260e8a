-- Loaded in front of the scripts for positions: what a channel remembers beside its publications.
--
-- A Redis whose memory is full refuses a script's write only if the script has not written yet, so the first one
-- has to be one that needs memory (HSET, not DEL or PEXPIRE).
--
-- The stream has ids <offset>-<tag as a number> and entries with one field d, the tail.
-- The meta is a hash of e (epoch), s (last offset), t (its tag), v and ve (version and its epoch).

-- Begins the epoch `epoch` where there is none, and returns it: what is left of an older history goes.
local function begin_epoch(stream, meta, epoch)
  redis.call('HSET', meta, 'e', epoch)
  redis.call('DEL', stream)
  return epoch
end
