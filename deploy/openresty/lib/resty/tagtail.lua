-- resty.tagtail sends log messages from nginx workers to Tagtail, or to any
-- other receiver of RFC 5424.
--
--   info(…) → frame → buffer of this worker → timer → TCP, TLS, unix or UDP
--
-- It takes the place of resty.logger.socket: init, log, flush and initted, with
-- the same options. A request only ever appends to the buffer; a timer does the
-- sending. The buffer is bounded, and what found no room is counted and said in
-- a message of its own, at the place where it is missing. Messages are kept
-- whole: what a broken connection may have lost is sent again from its first
-- byte. README.md says what can be known about delivery and what cannot.

local tostring, type, select, pcall = tostring, type, select, pcall
local concat = table.concat
local floor, max, min = math.floor, math.max, math.min
local fmt, byte, sub, find = string.format, string.byte, string.sub, string.find
local match, gsub = string.match, string.gsub
local date = os.date
local ngx = ngx
local timer_at, now, sleep = ngx.timer.at, ngx.now, ngx.sleep
local get_phase = ngx.get_phase
local worker_pid, worker_id, exiting = ngx.worker.pid, ngx.worker.id, ngx.worker.exiting

local _M = { _VERSION = "1.0.0" }

-- RFC 5424, section 6.2.1.
local SEVERITIES = {
  emerg = 0, alert = 1, crit = 2, err = 3, error = 3,
  warn = 4, warning = 4, notice = 5, info = 6, debug = 7,
}
local FACILITIES = {
  kern = 0, user = 1, mail = 2, daemon = 3, auth = 4, syslog = 5, lpr = 6,
  news = 7, uucp = 8, cron = 9, authpriv = 10, ftp = 11,
  local0 = 16, local1 = 17, local2 = 18, local3 = 19,
  local4 = 20, local5 = 21, local6 = 22, local7 = 23,
}

-- BATCH_BYTES go in one write, and at most BATCH_MESSAGES datagrams before
-- other requests get their turn.
local BATCH_BYTES = 65536
local BATCH_MESSAGES = 64
-- A datagram over IPv6 holds no more.
local DATAGRAM_BYTES = 65487
-- A sent message is forgotten when its connection has lived on for so long.
local SETTLE_SECONDS = 0.5
-- A connection over which nothing was sent for so long is closed.
local IDLE_SECONDS = 1
-- The longest pause between two attempts to connect.
local BACKOFF_SECONDS = 5
-- How long others get their turn. Debian's nginx warns about sleep(0).
local YIELD_SECONDS = 0.001
-- In milliseconds; the longest that a cosocket can wait.
local FOREVER = 2147483647

-- OPTIONS are what init takes: the type of each and its default.
local OPTIONS = {
  -- those of resty.logger.socket
  host = { "string" },
  port = { "number" },
  path = { "string" },
  sock_type = { "string" },
  ssl = { "boolean", false },
  ssl_verify = { "boolean", true },
  sni_host = { "string" },
  flush_limit = { "number", 4096 },
  drop_limit = { "number", 8388608 },
  timeout = { "number", 1000 },
  max_retry_times = { "number", 3 },
  retry_interval = { "number", 100 },
  periodic_flush = { "number", 0.1 },
  pool_size = { "number" },        -- taken and not needed
  max_buffer_reuse = { "number" }, -- taken and not needed
  -- ours
  instance = { "string" },
  app_name = { "string" },
  hostname = { "string" },
  facility = { "string", "local5" },
  severity = { "string", "info" },
  level = { "string", "debug" },
  msgid = { "string", "-" },
  structured_data = { "string", "-" },
  max_message_bytes = { "number", 65536 },
  stall_timeout = { "number", 30000 },
}

local conf            -- the options; nil before init
local owner           -- pid of the process that this state belongs to
local fields          -- what stands between timestamp and text in every header

-- The buffer: frames from head to tail. Those before unsent were written to
-- the connection and may have to be written again. A frame is a table of
-- strings, as send takes it: LuaJIT's hash looks at a few bytes of a string, so
-- thousands of long strings that differ in a counter would share one chain, and
-- making the next one would take longer than sending it.
local frames, sizes = {}, {}
local head, unsent, tail = 1, 1, 0
local buffered = 0    -- bytes of all frames
local dropped = 0     -- messages that found no room since the last report
local dropped_since   -- timestamp of the first of them

local armed, armed_now = false, false -- timers that will call work
local working = false -- work runs
local failures = 0    -- attempts in a row that have failed
local last_error      -- for the next caller of log

local cached_second, cached_date

-- timestamp is nginx's cached time as RFC 5424, section 6.2.3, has it.
local function timestamp()
  local t = now()
  local second = floor(t)
  if second ~= cached_second then
    cached_second, cached_date = second, date("!%Y-%m-%dT%H:%M:%S", second)
  end
  return fmt("%s.%03dZ", cached_date, min(999, floor((t - second) * 1000 + 0.5)))
end

-- field makes s fit for a header: printable ASCII without spaces.
local function field(s, longest)
  s = sub(gsub(s, "[^\33-\126]", "_"), 1, longest)
  return s == "" and "-" or s
end

local function read_hostname()
  local file = io.open("/proc/sys/kernel/hostname")
  if not file then
    return "-"
  end
  local name = file:read("*l")
  file:close()
  return name or "-"
end

-- prefix_app_name takes the instance from nginx's prefix: of
-- /opt/hhl/socketserver/dev1/ it is socketserver_dev1. The prefixes that
-- packages install name nobody.
local function prefix_app_name()
  local prefix = ngx.config.prefix()
  local service, user = match(prefix, "([%w._-]+)/([%w._-]+)/*$")
  if not service or find(prefix, "^/usr/") or find(prefix, "^/etc/") or find(prefix, "^/var/") then
    return "nginx"
  end
  return service .. "_" .. user
end

-- forget_all empties the buffer. The numbers go on: they may be in use.
local function forget_all()
  frames, sizes = {}, {}
  head, unsent, buffered = tail + 1, tail + 1, 0
end

-- adopt makes the state belong to this process. What was logged in
-- init_by_lua is inherited by every worker; only the first one may send it.
local function adopt(pid)
  if owner and owner ~= pid and worker_id() ~= 0 then
    forget_all()
    dropped, dropped_since = 0, nil
  end
  owner = pid
  fields = concat({ "", conf.hostname, conf.app_name, tostring(pid), conf.msgid, conf.structured_data, "" }, " ")
end

-- cut shortens text to at most n bytes that end with a note, between two
-- UTF-8 characters.
local function cut(text, n)
  local note = fmt(" [cut: %d bytes]", #text)
  n = max(0, n - #note)
  for _ = 1, 3 do
    local following = byte(text, n + 1)
    if n == 0 or following < 0x80 or following >= 0xC0 then
      break
    end
    n = n - 1
  end
  return sub(text, 1, n) .. note
end

-- FIRST is where the text starts in a frame, behind octet count and header.
local FIRST = 3

-- pack makes a frame of the arguments, which are written behind each other as
-- ngx.log does.
local function pack(...)
  local parts = { "", "", ... }
  for i = FIRST, select("#", ...) + FIRST - 1 do
    parts[i] = tostring(parts[i])
  end
  return parts
end

-- trim takes one line end off the text: frames have none.
local function trim(parts)
  local last = parts[#parts]
  if byte(last, -1) == 10 then
    parts[#parts] = gsub(last, "\r?\n$", "")
  end
end

-- finish gives a frame its header, unless the text has one, and its octet
-- count (RFC 6587, section 3.4.1) for a stream. It returns the frame and its
-- size.
local function finish(severity, parts)
  local header = ""
  if severity then
    header = "<" .. (conf.facility_code * 8 + severity) .. ">1 " .. timestamp() .. fields
  end
  trim(parts)
  local size = #header
  for i = FIRST, #parts do
    size = size + #parts[i]
  end
  if size > conf.max_message_bytes then
    parts = pack(cut(concat(parts, "", FIRST), conf.max_message_bytes - #header))
    size = #header + #parts[FIRST]
  end
  parts[2] = header
  if not conf.datagrams then
    parts[1] = size .. " "
    size = size + #parts[1]
  end
  return parts, size
end

local function push(parts, size)
  tail = tail + 1
  frames[tail], sizes[tail] = parts, size
  buffered = buffered + size
end

-- forget frees the frames up to last, which are delivered as far as we know.
local function forget(last)
  for i = head, last do
    buffered = buffered - sizes[i]
    frames[i], sizes[i] = nil, nil
  end
  head = last + 1
  unsent = max(unsent, head)
  if head > tail then
    frames, sizes = {}, {} -- the tables of a burst are large
  end
end

-- push_report says in the log how much is missing here.
local function push_report()
  local text = fmt("%d messages dropped between %s and %s: the buffer of %d bytes was full",
    dropped, dropped_since, timestamp(), conf.drop_limit)
  dropped, dropped_since = 0, nil
  push(finish(SEVERITIES.warn, pack(text)))
end

-- take_report does so when half of the buffer is free again, so that a buffer
-- that stays full is not filled with reports.
local function take_report()
  if dropped > 0 and buffered <= conf.drop_limit / 2 then
    push_report()
  end
end

local work

-- arm makes a timer call work: at once, or after the seconds of delay.
local function arm(delay)
  if working or armed_now or armed and (delay > 0 or failures > 0) then
    return
  end
  local phase = get_phase()
  if phase == "init" or phase == "exit_worker" then
    return -- there is no event loop; a worker's first message arms
  end
  if exiting() then
    delay = 0
  end
  local ok, err = timer_at(delay, work)
  if not ok then
    last_error = "create timer: " .. err -- the next message tries again
    return
  end
  armed, armed_now = true, delay == 0
end

-- append puts a message into the buffer and returns how many bytes it took.
local function append(severity, parts)
  local pid = worker_pid()
  if pid ~= owner then
    adopt(pid)
  end
  local size
  parts, size = finish(severity, parts)
  take_report()
  if dropped > 0 or buffered + size > conf.drop_limit then
    dropped = dropped + 1
    dropped_since = dropped_since or timestamp()
    arm(conf.periodic_flush)
    return 0, "the buffer is full, the message is dropped"
  end
  push(parts, size)
  arm(buffered >= conf.flush_limit and 0 or conf.periodic_flush)
  local err = last_error
  last_error = nil
  return size, err
end

-- handshake makes sock a TLS connection to a receiver that is verified. Where
-- the verification fails without having to wait, resty.core ends in an
-- assertion instead of returning; nginx's log has the reason then.
local function handshake(sock)
  local called, ok, err = pcall(sock.sslhandshake, sock, nil, conf.sni_host or conf.host, conf.ssl_verify)
  if not called then
    return nil, "the TLS handshake failed"
  end
  return ok, err
end

-- connect opens the stream and returns it, or nil and an error.
local function connect()
  local sock = ngx.socket.tcp()
  sock:settimeouts(conf.timeout, conf.timeout, conf.timeout)
  local ok, err
  if conf.path then
    ok, err = sock:connect("unix:" .. conf.path)
  else
    ok, err = sock:connect(conf.host, conf.port)
  end
  if ok and conf.ssl then
    ok, err = handshake(sock)
  end
  if not ok then
    sock:close()
    return nil, err
  end
  local stall = exiting() and conf.timeout or conf.stall_timeout
  sock:settimeouts(conf.timeout, stall, FOREVER)
  return sock
end

-- watch waits for the end of the connection: receivers of syslog say nothing.
-- It is a thread of its own, because a read with a short timeout would write
-- an error into nginx's log each time.
local function watch(link)
  local _, err
  repeat
    _, err = link.sock:receive(1)
  until err
  link.ended = err
end

-- take_batch returns the next unsent frames and the place of the last one.
local function take_batch()
  local batch, bytes, last = {}, 0, unsent - 1
  while last < tail and bytes < BATCH_BYTES do
    last = last + 1
    batch[#batch + 1] = frames[last]
    bytes = bytes + sizes[last]
  end
  return batch, last
end

-- settle forgets what was sent SETTLE_SECONDS ago: had the receiver refused
-- it, the connection would have ended.
local function settle(link)
  local t = now()
  if t - link.marked_at < SETTLE_SECONDS then
    return
  end
  if link.mark >= head then
    forget(link.mark)
  end
  link.mark, link.marked_at = unsent - 1, t
end

-- send_stream writes what there is and returns nil, or why it cannot.
local function send_stream(link)
  while unsent <= tail do
    local batch, last = take_batch()
    local ok, err = link.sock:send(batch)
    if not ok then
      return err
    end
    unsent = last + 1
    sleep(YIELD_SECONDS) -- others get their turn, and watch sees what happened
    if link.ended then
      return link.ended
    end
    link.accepted = last
    settle(link)
  end
end

-- stream_ended decides what of the sent messages has to be sent again. A
-- receiver that closes with everything read ends the connection in order; what
-- it has not read, or gets later, makes it reset. So after an orderly end only
-- what was sent since the last look at the connection is in doubt.
local function stream_ended(link, err)
  if err == "closed" and link.accepted >= head then
    forget(link.accepted)
  end
  unsent = head
end

-- stream_session connects and sends until there was nothing to send for
-- IDLE_SECONDS. It returns nil, or why it ended early.
local function stream_session()
  local sock, err = connect()
  if not sock then
    return err
  end
  failures = 0
  local link = { sock = sock, accepted = 0, mark = 0, marked_at = now() }
  local watcher = ngx.thread.spawn(watch, link)
  local idle_since = now()
  repeat
    if unsent <= tail then
      err = send_stream(link)
      idle_since = now()
    end
    if not err then
      take_report()
      if unsent > tail then
        sleep(conf.periodic_flush)
      end
      err = link.ended
    end
    if not err then
      settle(link)
    end
  until err or unsent > tail and (exiting() or now() - idle_since >= IDLE_SECONDS)
  if err then
    stream_ended(link, err)
  else
    forget(tail)
  end
  ngx.thread.kill(watcher)
  sock:close()
  return head <= tail and err or nil
end

-- send_datagram sends the first frame, and tries again for as long as timeout
-- says: the queue of a unix socket is short, and an error of UDP is about the
-- datagram before.
local function send_datagram(sock)
  local begun = now()
  while true do
    local ok, err = sock:send(frames[head])
    if ok or now() - begun >= conf.timeout / 1000 then
      return ok, err
    end
    if find(err, "too long", 1, true) then
      dropped, dropped_since = dropped + 1, dropped_since or timestamp()
      return true
    end
    sleep(YIELD_SECONDS)
  end
end

-- datagram_session sends one message a datagram until there is none left. It
-- returns nil, or why it ended early.
local function datagram_session()
  local sock = ngx.socket.udp()
  sock:settimeout(conf.timeout)
  local ok, err
  if conf.path then
    ok, err = sock:setpeername("unix:" .. conf.path)
  else
    ok, err = sock:setpeername(conf.host, conf.port)
  end
  local count = 0
  while ok and head <= tail do
    ok, err = send_datagram(sock)
    if ok then
      failures, count = 0, count + 1
      forget(head)
      take_report()
      if count % BATCH_MESSAGES == 0 then
        sleep(YIELD_SECONDS)
      end
    end
  end
  sock:close()
  return not ok and err or nil
end

-- failed counts an attempt and says so in nginx's log, once for each time that
-- the receiver goes away.
local function failed(err)
  failures = failures + 1
  last_error = tostring(err)
  if failures == conf.max_retry_times then
    ngx.log(ngx.ERR, "tagtail: cannot send to ", conf.path or conf.host .. ":" .. conf.port, ": ", last_error,
      "; ", tail - head + 1, " messages are waiting")
  end
end

-- drain runs sessions: one, or in a worker that is about to exit until all is
-- sent or there is no hope.
local function drain()
  local session = conf.datagrams and datagram_session or stream_session
  while true do
    local err = session()
    if err then
      failed(err)
    end
    take_report()
    if head > tail or not exiting() then
      return
    end
    if failures > conf.max_retry_times then
      ngx.log(ngx.ERR, "tagtail: ", tail - head + 1, " messages could not be sent before the worker exits")
      forget_all()
      return
    end
    sleep(conf.retry_interval / 1000)
  end
end

-- work is the handler of all timers; one at a time does something. A timer
-- that is premature, because the worker exits, does the same.
function work()
  armed, armed_now = false, false
  if working or head > tail and dropped == 0 then
    return
  end
  working = true
  local ok, err = pcall(drain)
  working = false
  if not ok then
    unsent = head
    failed(err)
  end
  if head <= tail then
    local pause = conf.retry_interval / 1000 * 2 ^ min(failures - 1, 10)
    arm(failures > 0 and min(pause, BACKOFF_SECONDS) or 0)
  end
end

-- check_options returns a copy of options with the defaults, or nil and what
-- is wrong.
local function check_options(options)
  local c = {}
  for name, value in pairs(options) do
    local option = OPTIONS[name]
    if not option then
      return nil, fmt("unknown option %q", tostring(name))
    end
    if type(value) ~= option[1] then
      return nil, fmt("option %q must be a %s", name, option[1])
    end
    c[name] = value
  end
  for name, option in pairs(OPTIONS) do
    if c[name] == nil then
      c[name] = option[2]
    end
  end
  if not c.path and not (c.host and c.port) then
    return nil, "give host and port, or path"
  end
  for _, name in ipairs({ "flush_limit", "drop_limit", "timeout", "stall_timeout", "periodic_flush", "retry_interval" }) do
    if c[name] <= 0 then
      return nil, fmt("option %q must be above 0", name)
    end
  end
  return c
end

-- init sets the options. It returns true, or nil and what is wrong. Called
-- again, it replaces them and keeps the buffer.
function _M.init(options)
  if type(options) ~= "table" then
    return nil, "give a table of options"
  end
  local c, err = check_options(options)
  if not c then
    return nil, err
  end
  c.facility_code = FACILITIES[c.facility]
  c.severity_code = SEVERITIES[c.severity]
  c.level_code = SEVERITIES[c.level]
  if not (c.facility_code and c.severity_code and c.level_code) then
    return nil, "facility, severity and level are syslog's keywords, such as local5, info and debug"
  end
  c.sock_type = c.sock_type or "tcp"
  if c.sock_type ~= "tcp" and c.sock_type ~= "udp" then
    return nil, 'option "sock_type" can be tcp or udp'
  end
  c.datagrams = c.sock_type == "udp"
  if c.datagrams then
    c.max_message_bytes = min(c.max_message_bytes, DATAGRAM_BYTES)
  end
  if c.max_message_bytes < 1024 then
    return nil, 'option "max_message_bytes" must be at least 1024'
  end
  if conf and conf.datagrams ~= c.datagrams then
    forget_all() -- the frames differ
  end
  local app_name = c.app_name or c.instance and gsub(c.instance, "/", "_") or prefix_app_name()
  c.app_name = field(app_name, 48)
  c.hostname = field(c.hostname or read_hostname(), 255)
  c.msgid = field(c.msgid, 32)
  conf = c
  adopt(worker_pid())
  return true
end

-- initted tells whether init was called.
function _M.initted()
  return conf ~= nil
end

-- log sends text, which gets a header of the severity that is configured, or
-- is sent as it is if it starts with a PRI: callers of resty.logger.socket
-- write their own. It returns the bytes that it took, and an error if there
-- was one lately.
function _M.log(text)
  if not conf then
    return nil, "not initialized"
  end
  local parts = pack(text)
  if find(parts[FIRST], "^<%d%d?%d?>") then
    return append(nil, parts)
  end
  return append(conf.severity_code, parts)
end

-- flush sends what is buffered as soon as nginx has time. It returns true, or
-- nil and an error.
function _M.flush()
  if not conf then
    return nil, "not initialized"
  end
  if head > tail then
    return true
  end
  if get_phase() == "exit_worker" then
    ngx.log(ngx.ERR, "tagtail: ", tail - head + 1, " messages could not be sent before the worker exits")
    return nil, "the worker exits"
  end
  arm(0)
  return true
end

-- debug, info, notice, warn, err and so on send their arguments, joined, with
-- that severity, if "level" allows it. They return what log does.
for name, severity in pairs(SEVERITIES) do
  _M[name] = function(...)
    if not conf then
      return nil, "not initialized"
    end
    if severity > conf.level_code then
      return 0
    end
    return append(severity, pack(...))
  end
end

return _M
