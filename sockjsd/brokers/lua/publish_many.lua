-- Publishes many, one after the other, each as the script publish does it.
--
-- Neighbours on one channel are a group: what the channel remembers is read and written once for all of them, and they
-- go out in one message.  What is refused of one publication costs the others nothing.
--
-- KEYS  for each group: stream, meta, results of the idempotency keys in it, in their order
-- ARGV  for each group: the channel of PUBLISH, epoch, if a new one is needed, size of the history, 0 for none,
--       its ttl, ms, ttl of the meta, ms, 0 for no position, number of publications; and for each of these:
--       tail, tag, ttl of the idempotency key, ms, 0 for no key, version, 0 for none, version epoch
-- Returns for each publication what publish returns, or {why it was refused}

local call, keys, arguments = redis.call, KEYS, ARGV
-- Where the next key and the next argument are.
local k, a = 1, 1
-- The group.
local stream, meta, channel, new_epoch, size, ttl, meta_ttl, counts, keeps
-- What its channel remembers, once it was read, and what of it is not written yet.
local epoch, offset, tag, version, version_epoch
local moved, added, versioned
-- What of it is to be published, and the answers that still lack how many heard it.
local texts, owed

local function open()
  local last = call('HMGET', meta, 'e', 's', 't', 'v', 've')
  epoch, offset, tag = last[1] or begin_epoch(stream, meta, new_epoch), tonumber(last[2] or 0), last[3] or ''
  version, version_epoch = last[4], last[5]
end

-- Lua would write a large number with an exponent.
local function digits()
  return string.format('%.0f', offset)
end

local function write_position()
  if versioned then
    call('HSET', meta, 's', digits(), 't', tag, 'v', version, 've', version_epoch)
  else
    call('HSET', meta, 's', digits(), 't', tag)
  end
  moved, versioned = false, false
end

-- Ends a group.  Shortened once, a stream loses whole blocks, not one entry after the other.
local function settle()
  if moved then
    write_position()
  end
  if added then
    call('XTRIM', stream, 'MAXLEN', size)
    call('PEXPIRE', stream, ttl)
  end
  if epoch then
    call('PEXPIRE', meta, meta_ttl)
  end
end

-- Gives the publication at `at` its position and returns it as text.
local function place(at)
  -- Also where XADD is refused: then the stream may have an entry of somebody else with this number.
  offset, tag, moved = offset + 1, arguments[at + 1], true
  local number = digits()
  if keeps then
    call('XADD', stream, number .. '-' .. tonumber(tag, 16), 'd', arguments[at])
    added = true
  end
  if arguments[at + 3] ~= '0' then
    version, version_epoch, versioned = arguments[at + 3], arguments[at + 4], true
  end
  if not keeps then
    -- Before it is published, because a Redis whose memory is full refuses this.
    write_position()
  end
  return number .. ':' .. epoch .. ':' .. tag
end

local function is_stale(at)
  if arguments[at + 3] == '0' or not version then
    return false
  end
  local comparable = arguments[at + 4] == '' or arguments[at + 4] == version_epoch
  return comparable and tonumber(version) >= tonumber(arguments[at + 3])
end

-- Publishes what is at `at`, whose idempotency key remembers in `result`, if it has one.
local function publish(at, result)
  local known = result and call('GET', result)
  if known then
    local its_offset, its_epoch, its_tag = string.match(known, '^(%d+):(%w*):(%w*)$')
    return {0, tonumber(its_offset), its_epoch, its_tag, 1}
  end
  if counts and not epoch then
    open()
  end
  if counts and is_stale(at) then
    return {0, offset, epoch, tag, 1}
  end
  local where = counts and place(at) or '0::'
  if result then
    call('SET', result, where, 'PX', arguments[at + 2])
  end
  local text = counts and 'p' .. where .. ':' .. arguments[at] or arguments[at]
  local answer = counts and {0, offset, epoch, tag, 0} or {0, 0, '', '', 0}
  texts[#texts + 1], owed[#owed + 1] = text, answer
  return answer
end

-- Publishes what the group has: several as a run, each after its number of bytes.
local function send()
  local message = texts[1]
  if #texts > 1 then
    for n = 1, #texts do
      texts[n] = #texts[n] .. ':' .. texts[n]
    end
    message = 'r' .. table.concat(texts)
  end
  local heard = message and call('PUBLISH', channel, message)
  for n = 1, #owed do
    owed[n][1] = heard
  end
end

-- Why something failed, as the answer; before Redis 7 that is a text.
local function refusal(problem)
  return {type(problem) == 'table' and problem.err or tostring(problem)}
end

local answers = {}
while a <= #arguments do
  stream, meta, k = keys[k], keys[k + 1], k + 2
  channel, new_epoch, size, ttl, meta_ttl = arguments[a], arguments[a + 1], arguments[a + 2], arguments[a + 3], arguments[a + 4]
  counts, keeps, epoch, moved, added, versioned = meta_ttl ~= '0', size ~= '0', nil, false, false, false
  texts, owed = {}, {}
  local first, last = #answers + 1, #answers + arguments[a + 5]
  a = a + 6
  for n = first, last do
    local result = nil
    if arguments[a + 2] ~= '0' then
      result, k = keys[k], k + 1
    end
    local done, answer = pcall(publish, a, result)
    if not done then
      answer = refusal(answer)
      if moved and not keeps then
        -- What could not be written must not be remembered, nor written once more.
        epoch, moved, versioned = nil, false, false
      end
    end
    answers[n], a = answer, a + 5
  end
  local done, problem = pcall(send)
  if done then
    done, problem = pcall(settle)
  else
    pcall(settle)
  end
  if not done then
    for n = first, last do
      -- What was a repetition needed nothing of what failed.
      if answers[n][5] ~= 1 then
        answers[n] = refusal(problem)
      end
    end
  end
end
return answers
