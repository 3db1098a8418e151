package static

import (
	"fmt"
	"strings"
	"time"
)

// traffic is n ordinary entries of a small team, the last of them just now.
func traffic(n int) []entry {
	templates := []struct{ instance, severity, app, message string }{
		{"socketserver/dev1", "info", "socketserver_dev1", "client 10.0.4.%d connected, uid=48%02d session=9f3c21"},
		{"socketserver/dev1", "debug", "socketserver_dev1", "ws frame opcode=1 len=%d fin=1 masked=1 took=0.%02dms"},
		{"redis/dev1", "notice", "redis_dev1", "%d changes in 300 seconds. Saving... (background pid 31%02d)"},
		{"dtserver/dev2", "info", "dtserver_dev2", `GET /api/v1/counter/%d HTTP/1.1" 200 5%02d "-" "curl/8.5.0" rt=0.004`},
		{"socketserver/dev1", "warning", "socketserver_dev1", "slow query %d12ms: SELECT * FROM session WHERE uid=48%02d"},
		{"httpserver/dev3", "info", "httpserver_dev3", "用户 %d 登录成功，会话已建立，耗时 %d 毫秒"},
		{"mysql/shared", "notice", "mysqld", "Aborted connection %d9 to db: 'game' user: 'dev%d' (Got timeout reading communication packets)"},
		{"dtserver/dev2", "err", "dtserver_dev2", `*41%d [lua] counter.lua:66: log(): upstream timed out (110: Connection timed out) while connecting, client: 10.0.4.%d`},
		{"unassigned", "info", "cron", "(root) CMD (/usr/local/bin/rotate --keep %d) pid %d"},
	}
	order := []int{0, 1, 1, 3, 5, 1, 0, 2, 3, 1, 4, 0, 1, 3, 8, 1, 5, 3, 7, 1, 6, 0}
	entries := make([]entry, n)
	now := time.Now()
	for i := range entries {
		t := templates[order[i%len(order)]]
		received := now.Add(-time.Duration(n-i) * 437 * time.Millisecond).UTC()
		entries[i] = entry{
			Received: received, Time: received.Add(-3 * time.Millisecond).Truncate(time.Millisecond),
			Facility: "local5", Severity: t.severity, Instance: t.instance, InstanceBy: "port", Hostname: "dev-box",
			Source: "127.0.0.1:40112", AppName: t.app, ProcID: "31497", Input: "udp://127.0.0.1:5514", Format: "rfc3164",
			Message: fmt.Sprintf(t.message, i%97, i%60),
		}
	}
	return entries
}

// numbered are entries whose messages say which they are.
func numbered(from, to int) []entry {
	var entries []entry
	for i := from; i <= to; i++ {
		entries = append(entries, entry{
			Received: time.Now().UTC(), Facility: "user", Severity: "info", Instance: "app/dev1", AppName: "app_dev1",
			Message: fmt.Sprintf("line %d", i),
		})
	}
	return entries
}

// traceback is a Lua error as one entry.
func traceback() entry {
	return entry{
		Received: time.Now().UTC(), Time: time.Now().UTC().Add(-95 * time.Second), Facility: "local5", Severity: "err",
		Instance: "socketserver/dev1", InstanceBy: "socket", Hostname: "dev-box", Source: "unix:uid=1001,pid=31497",
		AppName: "socketserver_dev1", ProcID: "31497", Input: "unixgram:///run/tagtail/dev1.sock", Format: "rfc3164",
		Flags: []string{"contradicts"},
		Message: "2026/09/01 10:42:31 [error] 31497#31497: *4139 lua entry thread aborted: runtime error: main.lua:12: attempt to index a nil value (field 'session')\n" +
			"stack traceback:\ncoroutine 0:\n\tmain.lua:12: in function 'handler'\n\t/data/dev1/gate/lua/router.lua:88: in function 'dispatch'\n" +
			"\tcontent_by_lua(nginx.conf:41):3: in main chunk, client: 10.0.4.17, server: _, request: \"GET /gate HTTP/1.1\", see https://example.org/wiki/gate-errors.",
	}
}

// hostile are messages that want to be more than text.
func hostile() []entry {
	messages := []string{
		`<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`,
		`"><svg/onload=window.pwned=1> javascript:window.pwned=1 https://example.org/"onmouseover="window.pwned=1`,
		"\u202egnp.exe\u202c \u2066hidden\u2069 right-to-left \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
		"NUL\x00 BEL\x07 DEL\x7f CSI \x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07 8-bit \u009b31m",
		"a\r\nb\r\nc\tafter a tab",
		strings.Repeat("A", 64<<10),
		"invalid \ufffd\ufffd bytes, " + strings.Repeat("Z\u0351\u0348\u0330", 60),
		strings.Repeat("\n", 500),
		"中文日志：连接超时，" + strings.Repeat("超时", 300),
		"",
	}
	var entries []entry
	for i, message := range messages {
		entries = append(entries, entry{
			Received: time.Now().UTC(), Facility: "user", Severity: []string{"info", "err", "crit"}[i%3],
			Instance: "unassigned", Hostname: `<b>host</b>`, AppName: "\u202e<i>app</i>\x1b[31m", Message: message, Format: "none",
		})
	}
	return entries
}

// team is the instances of traffic.
func team() []instance {
	now := time.Now()
	idle := "It is running already (pid 31497)."
	return []instance{
		{
			Instance: "socketserver/dev1", Service: "socketserver", Owner: "dev1", Kind: "nginx", State: "running", PID: 31497,
			Started: now.Add(-187 * time.Minute), Port: 8101, Entries: 128_412, Bytes: 18_900_000, Rate: 3.4, Last: now,
			Recent:    []uint64{3, 9, 14, 4, 2, 0, 1, 22, 31, 18, 12, 17},
			LastError: now.Add(-42 * time.Second),
			Actions:   []action{{"start", idle}, {"stop", ""}, {"quit", ""}, {"reload", ""}, {"reopen", ""}, {"restart", ""}, {"test", ""}},
		},
		{Instance: "redis/dev1", Service: "redis", Owner: "dev1", Kind: "redis", State: "running", PID: 311, Rate: 0.4, Recent: []uint64{2, 2, 3, 2, 0, 2, 2, 1, 2, 2, 3, 2}, Entries: 9120, Bytes: 480_000, Last: now},
		{Instance: "dtserver/dev1", Service: "dtserver", Owner: "dev1", Kind: "command", State: "stopped", Entries: 12, Bytes: 900,
			Actions: []action{{"start", ""}, {"stop", "It is not running."}, {"restart", "It is not running."}}},
		{Instance: "dtserver/dev2", Service: "dtserver", Owner: "dev2", Kind: "nginx", State: "failed", Detail: "The pid file names process 4711, which is not nginx.", Rate: 1.9, Entries: 50_100, Bytes: 7_000_000, Last: now, LastError: now.Add(-5 * time.Minute)},
		{Instance: "httpserver/dev3", Service: "httpserver", Owner: "dev3", Kind: "nginx", State: "running", PID: 901, Rate: 12, Recent: []uint64{60, 61, 58, 59, 63, 70, 55, 60, 61, 60, 59, 60}, Entries: 4100, Bytes: 300_000, Last: now},
		{Instance: "mysql/shared", Service: "mysql", Owner: "shared", Kind: "shared", State: "unknown", Rate: 0.05, Entries: 410, Bytes: 61_000, Last: now},
		{Instance: "unassigned", Kind: "", State: "unknown", Rate: 0.1, Entries: 97, Bytes: 9000, Last: now},
	}
}
