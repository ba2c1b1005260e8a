-- Loaded in front of history and renew, behind epoch: KEYS[1] is the stream, KEYS[2] the meta.

-- The epoch; `new_epoch` begins where there is none.
local function open_epoch(new_epoch)
  return redis.call('HGET', KEYS[2], 'e') or begin_epoch(KEYS[1], KEYS[2], new_epoch)
end

-- The last position as {offset, epoch, tag}.
local function last_position(epoch)
  local place = redis.call('HMGET', KEYS[2], 's', 't')
  return {tonumber(place[1] or 0), epoch, place[2] or ''}
end
