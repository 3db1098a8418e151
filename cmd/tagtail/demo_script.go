package main

import (
	"fmt"
	"time"

	"github.com/tagtail/tagtail/index"
)

// demoLine is one message of the demo, without any header.
type demoLine struct {
	severity index.Severity
	text     string
}

// demoScript is what a program of the demo logs in its life.
type demoScript struct {
	start, reload, stop []demoLine
	// every is the mean time between two events.
	every time.Duration
	// next makes what one event causes, at least one line.
	next func() []demoLine
}

func (d *demoInstance) script() demoScript {
	switch {
	case d.service == "redis":
		return d.redisScript()
	case d.service == "mysql":
		return d.mysqlScript()
	case d.counted:
		return d.luaLoggerScript()
	default:
		return d.nginxScript()
	}
}

func (d *demoInstance) nginxScript() demoScript {
	return demoScript{
		every: time.Second,
		start: []demoLine{
			{index.Notice, `using the "epoll" event method`},
			{index.Notice, "start worker processes"},
			{index.Notice, "start worker process 1"},
		},
		reload: []demoLine{
			{index.Notice, "signal 1 (SIGHUP) received, reconfiguring"},
			{index.Notice, "start worker process 2"},
			{index.Notice, "gracefully shutting down"},
		},
		stop: []demoLine{{index.Notice, "signal 15 (SIGTERM) received, exiting"}},
		next: d.request,
	}
}

// request is one player's request to a Lua handler: what nginx writes to its
// error log, and the line of the access log.
func (d *demoInstance) request() []demoLine {
	d.requests++
	player := 1000 + d.random.IntN(40)
	room := d.random.IntN(12)
	took := 3 + d.random.IntN(40)
	status := 200
	client := fmt.Sprintf("127.0.0.1, server: localhost, request: \"GET /hhl?uid=%d HTTP/1.1\", host: \"localhost\"", player)
	prefix := fmt.Sprintf("*%d [lua] ", d.requests)
	var lines []demoLine
	switch n := d.random.IntN(40); {
	case n < 16:
		lines = append(lines, demoLine{index.Info, fmt.Sprintf("%smain.lua:%d: enter(): uid=%d entered room %d, client: %s",
			prefix, 20+n, player, room, client)})
	case n < 26:
		lines = append(lines, demoLine{index.Debug, fmt.Sprintf("%sproto.lua:88: pack(): cmd=%d bytes=%d took=%dms",
			prefix, 100+n, 40+n*7, took)})
	case n < 32:
		lines = append(lines, demoLine{index.Notice, fmt.Sprintf("%slogin.lua:31: check(): uid=%d 登录成功, client: %s",
			prefix, player, client)})
	case n < 36:
		took = 800 + d.random.IntN(900)
		lines = append(lines, demoLine{index.Warning, fmt.Sprintf("%sdb.lua:52: query(): slow query %dms: select * from bag where uid=%d",
			prefix, took, player)})
	case n < 38:
		status = 504
		lines = append(lines, demoLine{index.Err, fmt.Sprintf("%sredis.lua:17: connect(): connection to 127.0.0.1:%s timed out, client: %s",
			prefix, demoPort(d.owner), client)})
	default:
		status = 500
		lines = append(lines, demoLine{index.Err, fmt.Sprintf("*%d lua entry thread aborted: runtime error: "+
			"src/player.lua:%d: attempt to index local 'bag' (a nil value)\nstack traceback:\ncoroutine 0:\n"+
			"\tsrc/player.lua: in function 'equip'\n\tsrc/room.lua:%d: in function 'dispatch'\n"+
			"\tsrc/main.lua:12: in main chunk, client: %s", d.requests, 6+n, 40+n, client)})
	}
	return append(lines, demoLine{index.Info, fmt.Sprintf(`127.0.0.1 - - "GET /hhl?uid=%d HTTP/1.1" %d %d "-" "Cocos2d-x 3.17" %.3f`,
		player, status, 180+player%97, float64(took)/1000)})
}

func (d *demoInstance) redisScript() demoScript {
	return demoScript{
		every: 8 * time.Second,
		start: []demoLine{
			{index.Notice, "Running mode=standalone, port=" + demoPort(d.owner) + "."},
			{index.Notice, "Ready to accept connections"},
		},
		stop: []demoLine{
			{index.Warning, "Received SIGTERM scheduling shutdown..."},
			{index.Warning, "Redis is now ready to exit, bye bye..."},
		},
		next: func() []demoLine {
			if d.random.IntN(3) > 0 {
				return []demoLine{{index.Info, fmt.Sprintf("DB 0: %d keys (0 volatile) in 2048 slots HT.", 900+d.random.IntN(60))}}
			}
			return []demoLine{
				{index.Notice, fmt.Sprintf("%d changes in 60 seconds. Saving...", 10+d.random.IntN(90))},
				{index.Notice, "DB saved on disk"},
			}
		},
	}
}

func (d *demoInstance) mysqlScript() demoScript {
	return demoScript{
		every: 20 * time.Second,
		start: []demoLine{{index.Notice, "mysqld: ready for connections."}},
		next: func() []demoLine {
			return []demoLine{{index.Warning, fmt.Sprintf("Aborted connection %d to db: 'game' user: 'hhl' host: 'localhost' (Got timeout reading communication packets)",
				300+d.random.IntN(600))}}
		},
	}
}

// luaLoggerScript is a service that logs through the Lua logger, RFC 5424 over
// TCP, with structured text.
func (d *demoInstance) luaLoggerScript() demoScript {
	return demoScript{
		every:  3 * time.Second,
		start:  []demoLine{{index.Notice, "httpserver up"}},
		reload: []demoLine{{index.Notice, "httpserver configuration read again"}},
		stop:   []demoLine{{index.Notice, "httpserver down"}},
		next: func() []demoLine {
			order := d.random.IntN(1 << 30)
			if d.random.IntN(12) == 0 {
				return []demoLine{{index.Err, fmt.Sprintf(`{"event":"pay","order":"%08x","error":"signature does not match","retry":%d}`, order, d.random.IntN(3))}}
			}
			return []demoLine{{index.Info, fmt.Sprintf(`{"event":"pay","order":"%08x","amount":%d,"took_ms":%d}`, order, 6*(1+d.random.IntN(20)), 2+d.random.IntN(90))}}
		},
	}
}
