-- Publishes once, and keeps what is published in the history where there is one.
--
-- KEYS  1 stream  2 meta  3 result of the idempotency key
-- ARGV  1 the channel of PUBLISH  2 tail; all that is published, where there is no position
--       3 epoch, if a new one is needed  4 tag, 8 hexadecimal digits
--       5 size of the history, 0 for none  6 its ttl, ms  7 ttl of the meta, ms, 0 for no position
--       8 ttl of the idempotency key, ms, 0 for no key  9 version, 0 for none  10 version epoch
-- Returns {receivers, offset, epoch, tag, 1 if nothing was published else 0}
--
-- Straight on, without functions: to make them would take longer than what they do.

local remembers = ARGV[8] ~= '0'
if remembers then
  local known = redis.call('GET', KEYS[3])
  if known then
    local offset, epoch, tag = string.match(known, '^(%d+):(%w*):(%w*)$')
    return {0, tonumber(offset), epoch, tag, 1}
  end
end

local place, text = '0::', ARGV[2]
local offset, epoch, tag = 0, '', ''

if ARGV[7] ~= '0' then
  local last = redis.call('HMGET', KEYS[2], 'e', 's')
  epoch, tag = last[1] or begin_epoch(KEYS[1], KEYS[2], ARGV[3]), ARGV[4]
  if ARGV[9] ~= '0' then
    local before = redis.call('HMGET', KEYS[2], 'v', 've', 't')
    local comparable = ARGV[10] == '' or ARGV[10] == before[2]
    if before[1] and comparable and tonumber(before[1]) >= tonumber(ARGV[9]) then
      redis.call('PEXPIRE', KEYS[2], ARGV[7])
      return {0, tonumber(last[2] or 0), epoch, before[3] or '', 1}
    end
  end
  offset = tonumber(last[2] or 0) + 1
  -- Lua would write a large number with an exponent.
  local digits = string.format('%.0f', offset)
  redis.call('HSET', KEYS[2], 's', digits, 't', tag)
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
  if ARGV[5] ~= '0' then
    redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[5], digits .. '-' .. tonumber(tag, 16), 'd', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[6])
  end
  if ARGV[9] ~= '0' then
    -- Not before: where XADD is refused the version has to be free for another try.
    redis.call('HSET', KEYS[2], 'v', ARGV[9], 've', ARGV[10])
  end
  place = digits .. ':' .. epoch .. ':' .. tag
  text = 'p' .. place .. ':' .. ARGV[2]
end

if remembers then
  redis.call('SET', KEYS[3], place, 'PX', ARGV[8])
end
return {redis.call('PUBLISH', ARGV[1], text), offset, epoch, tag, 0}
