-- A WebSocket that answers each message with itself, and a word for browsers.
local found, server = pcall(require, "resty.websocket.server")
if not found then
    found, server = pcall(require, "nginx.websocket.server") -- Debian's name
end

if not found or ngx.var.http_upgrade ~= "websocket" then
    ngx.say("hello from dtserver")
    return
end

local socket, err = server:new { timeout = 60000, max_payload_len = 65535 }
if not socket then
    ngx.log(ngx.ERR, "no WebSocket: ", err)
    return ngx.exit(444)
end
while true do
    local data, kind, err = socket:recv_frame()
    if socket.fatal or kind == "close" then
        ngx.log(ngx.INFO, "the socket ends: ", err or kind)
        return
    end
    if kind == "ping" then
        socket:send_pong(data)
    elseif kind == "text" then
        ngx.log(ngx.INFO, "received ", #data, " bytes")
        socket:send_text(data)
    end
end
