-- Loaded in front of publish, history and renew: what a channel remembers beside its publications.
--
-- A Redis whose memory is full refuses a script's write only if the script has not written yet, so the first one
-- has to be one that needs memory (HSET, not DEL or PEXPIRE).
--
-- KEYS[1] is the stream, whose ids are <offset>-<tag as a number> and whose entries have one field d, the tail.
-- KEYS[2] is the meta, a hash of e (epoch), s (last offset), t (its tag), v and ve (version and its epoch).

-- Begins the epoch `new_epoch` where there is none: what is left of an older history goes.
local function open_epoch(new_epoch)
  local epoch = redis.call('HGET', KEYS[2], 'e')
  if epoch then
    return epoch
  end
  redis.call('HSET', KEYS[2], 'e', new_epoch)
  redis.call('DEL', KEYS[1])
  return new_epoch
end

-- The last position as {offset, epoch, tag}.
local function last_position(epoch)
  local place = redis.call('HMGET', KEYS[2], 's', 't')
  return {tonumber(place[1] or 0), epoch, place[2] or ''}
end
