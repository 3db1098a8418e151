package content

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// said lists what a message says, without what it does not.
func said(message string) map[string]string {
	m := Read(message)
	out := map[string]string{}
	for name, value := range strs(m) {
		if value != "" {
			out[name] = value
		}
	}
	for name, took := range map[string]func() (time.Duration, bool){"took": m.Took, "upstream_took": m.UpstreamTook} {
		if d, ok := took(); ok {
			out[name] = d.String()
		}
	}
	var places []string
	for l := range m.Locations {
		places = append(places, strings.TrimRight(l.File+":"+l.Line+" "+l.Function, " :"))
	}
	if len(places) > 0 {
		out["places"] = strings.Join(places, "\n")
	}
	return out
}

// strs are the accessors that return a part of the message.
func strs(m Message) map[string]string {
	return map[string]string{
		"level": m.Level(), "pid": m.PID(), "role": m.Role(), "conn": m.Conn(), "client": m.Client(), "server": m.Server(),
		"method": m.Method(), "path": m.Path(), "protocol": m.Protocol(), "upstream": m.Upstream(), "host": m.Host(),
		"referrer": m.Referrer(), "agent": m.UserAgent(), "req": m.RequestID(), "phase": m.Phase(), "status": m.Status(), "bytes": m.Bytes(),
	}
}

func TestReadFindsWhatMessagesSay(t *testing.T) {
	const errorHead = "2026/11/22 08:53:08 [error] 18331#18331: *2 "
	const onError = ", client: 127.0.0.1, server: localhost, request: \"GET /err?token=abc&u=1 HTTP/1.1\", host: \"127.0.0.1:1081\""
	type want = map[string]string
	saysNothing := want{"level": "error", "pid": "18331", "conn": "2"} // of the client
	errorOf := func(more want) want {
		out := want{
			"level": "error", "pid": "18331", "conn": "2", "client": "127.0.0.1", "server": "localhost", "method": "GET",
			"path": "/err?token=abc&u=1", "protocol": "HTTP/1.1", "host": "127.0.0.1:1081",
		}
		for key, value := range more {
			out[key] = value
			if value == "" {
				delete(out, key)
			}
		}
		return out
	}
	tests := map[string]struct {
		message string
		kind    Kind
		want    want
	}{
		"a Lua runtime error with its traceback": {
			errorHead + "lua entry thread aborted: runtime error: /opt/src/err.lua:3: attempt to index local 't' (a nil value)\n" +
				"stack traceback:\ncoroutine 0:\n\t[C]: in function 'error'\n\t/opt/src/err.lua: in function 'login'\n" +
				"\t...srv/game01/src/game/player.lua:6: in function </opt/src/err.lua:9>\n\t/opt/src/err.lua:5: in main chunk" + onError +
				", referrer: \"http://x/y\"", Lua,
			errorOf(want{"referrer": "http://x/y", "places": "/opt/src/err.lua:3\n/opt/src/err.lua: login\n" +
				"...srv/game01/src/game/player.lua:6\n/opt/src/err.lua:9\n/opt/src/err.lua:5 main chunk"}),
		},
		"ngx.log with a function and a latency": {errorHead + "[lua] counter.lua:66: log(): latency=0.056" + onError, Lua,
			errorOf(want{"took": "56ms", "places": "counter.lua:66 log"})},
		"an upstream that refused": {
			errorHead + "connect() failed (111: Connection refused) while connecting to upstream, client: ::1, server: , " +
				"request: \"POST /up HTTP/1.1\", upstream: \"http://127.0.0.1:9/up\", host: \"a\"", NginxError,
			errorOf(want{"client": "::1", "server": "", "method": "POST", "path": "/up", "upstream": "http://127.0.0.1:9/up", "host": "a"})},
		"a chunk that was loaded from text": {errorHead + "[string \"main.lua\"]:12: in function 'f'", NginxError,
			want{"level": "error", "pid": "18331", "conn": "2", "places": "main.lua:12 f"}},
		"a timer": {"2026/11/22 08:53:13 [warn] 1#2: *13 [lua] timer.lua:1: premature=false, context: ngx.timer, client: 127.0.0.1, server: 127.0.0.1:1081", Lua,
			want{"level": "warn", "pid": "1", "conn": "13", "client": "127.0.0.1", "server": "127.0.0.1:1081", "phase": "ngx.timer", "places": "timer.lua:1"}},
		"a timer without a client": {"2026/11/22 08:53:13 [warn] 1#2: *13 [lua] t.lua:1: x, context: ngx.timer", Lua,
			want{"level": "warn", "pid": "1", "conn": "13", "phase": "ngx.timer", "places": "t.lua:1"}},
		"ngx.STDERR's empty level": {"2026/11/22 08:53:12 [] 7#7: *9 [lua] log.lua:2: x", Lua,
			want{"pid": "7", "conn": "9", "places": "log.lua:2"}},
		"a line of the configuration": {"2026/11/22 08:53:20 [emerg] 7#7: invalid parameter \"x\" in /opt/conf/nginx.conf:19", NginxError,
			want{"level": "emerg", "pid": "7", "places": "/opt/conf/nginx.conf:19"}},
		"a client without a context": {"2026/11/22 08:53:08 [info] 7#7: *1 client 127.0.0.1 closed keepalive connection", NginxError,
			want{"level": "info", "pid": "7", "conn": "1", "client": "127.0.0.1"}},
		"a text that looks like a context": {errorHead + "[lua] a.lua:1: hello, client: 6.6.6.6, server: evil" + onError, Lua,
			errorOf(want{"places": "a.lua:1"})},
		"a request that looks like a context": {
			errorHead + "open() failed, client: 127.0.0.1, server: localhost, request: \"GET /\", client: 6.6.6.6, server: evil HTTP/1.1\", host: \"127.0.0.1:1081\"",
			NginxError, saysNothing},
		"a path that looks like a context": {
			errorHead + "open() \"/x, client: 6.6.6.6, server: _, request: \"GET /\" failed (2: No such file or directory)" + onError,
			NginxError, errorOf(nil)},
		"a path that looks like a context up to the Referer": {
			errorHead + "open() \"/x, client: 6.6.6.6, server: _, request: \"GET / HTTP/1.1\", referrer: \"\" failed (2: No such file or directory)" + onError,
			NginxError, saysNothing},
		"a Referer that looks like a context": {
			errorHead + "open() failed" + onError + ", referrer: \"http://x/, client: 6.6.6.6, server: _, request: \"GET / HTTP/1.1\"",
			NginxError, saysNothing},
		"a context that is cut": {errorHead + "x, client: 127.0.0.1, server: localhost, request: \"GET /err?tok", NginxError,
			want{"level": "error", "pid": "18331", "conn": "2", "client": "127.0.0.1", "server": "localhost", "method": "GET", "path": "/err?tok"}},
		"JSON in a Lua line": {errorHead + `[lua] odd.lua:11: {"user":"dev1","status": 502,"ms":12.5,"path":"/a b"}`, Lua,
			want{"level": "error", "pid": "18331", "conn": "2", "status": "502", "path": "/a b", "places": "odd.lua:11"}},

		"a combined access line": {`127.0.0.1 - bob [22/Nov/2026:08:53:08 +0000] "GET /err?a=1 HTTP/1.1" 500 177 "http://x/y" "cocos2dx/3.2"`, Access,
			want{"client": "127.0.0.1", "method": "GET", "path": "/err?a=1", "protocol": "HTTP/1.1", "status": "500", "bytes": "177", "referrer": "http://x/y", "agent": "cocos2dx/3.2"}},
		"a common access line": {`::1 - - [22/Nov/2026:08:53:08 +0000] "HEAD / HTTP/1.0" 304 -`, Access,
			want{"client": "::1", "method": "HEAD", "path": "/", "protocol": "HTTP/1.0", "status": "304"}},
		"an access line with times": {`10.0.0.1 - - [22/Nov/2026:08:53:08 +0000] "GET / HTTP/1.1" 200 27 "-" "-" 0.312 0.300`, Access,
			want{"client": "10.0.0.1", "method": "GET", "path": "/", "protocol": "HTTP/1.1", "status": "200", "bytes": "27", "took": "312ms", "upstream_took": "300ms"}},
		"an access line with named times": {`10.0.0.1 - - [22/Nov/2026:08:53:08 +0000] "GET /?status=404 HTTP/1.1" 200 27 "-" "-" rt=0.312 urt="0.300" request_id=7fa`, Access,
			want{"client": "10.0.0.1", "method": "GET", "path": "/?status=404", "protocol": "HTTP/1.1", "status": "200", "bytes": "27", "took": "312ms", "upstream_took": "300ms", "req": "7fa"}},
		"Apache's virtual host": {`www.example.com:80 10.0.0.1 - - [22/Nov/2026:08:53:08 +0000] "GET /\"x HTTP/1.1" 200 1 "-" "a \"b\""`, Access,
			want{"client": "10.0.0.1", "method": "GET", "path": `/\"x`, "protocol": "HTTP/1.1", "status": "200", "bytes": "1", "agent": `a \"b\"`}},
		"nginx's escapes": {`127.0.0.1 - [22/Nov/2026:08:51:43 +0000] "GET /a%0aINJ HTTP/1.1" 404 "ev\x1B[31m\x22il\x09"`, Access,
			want{"client": "127.0.0.1", "method": "GET", "path": "/a%0aINJ", "protocol": "HTTP/1.1", "status": "404"}},
		"a client's garbage": {`127.0.0.1 - - [22/Nov/2026:08:51:43 +0000] "\x16\x03\x01" 400 157 "-" "-"`, Access,
			want{"client": "127.0.0.1", "status": "400", "bytes": "157"}},
		"an access line that is cut": {`127.0.0.1 - - [22/Nov/2026:08:51:43 +0000] "GET /lo`, Access, want{"client": "127.0.0.1", "method": "GET", "path": "/lo"}},

		"Redis's own line": {"16381:M 22 Nov 2026 09:13:44.123 # Server initialized", Redis, want{"pid": "16381", "role": "M", "level": "#"}},
		"Redis by syslog":  {"Client closed connection id=8 addr=127.0.0.1:55336 laddr=127.0.0.1:16381", Other, want{"client": "127.0.0.1:55336"}},
		"a Python traceback": {"boom\nTraceback (most recent call last):\n  File \"/srv/a.py\", line 12, in main\n    f()\n  File \"b.py\", line 3, in <module>\nValueError: x", Python,
			want{"places": "/srv/a.py:12 main\nb.py:3 <module>"}},
		"key=value": {`level=info msg="done, all" status=503 took_ms=1500 method=PUT path="/a b" client_ip=2001:db8::1 req=ab-12`, Other,
			want{"status": "503", "took": "1.5s", "method": "PUT", "path": "/a b", "client": "2001:db8::1", "req": "ab-12"}},
		"a JSON access line": {`{"remote_addr":"10.1.2.3","request_method":"GET","uri":"/x","status":200,"body_bytes_sent":12,"request_time":0.004,"http_user_agent":"curl\/8"}`, JSON,
			want{"client": "10.1.2.3", "method": "GET", "path": "/x", "status": "200", "bytes": "12", "took": "4ms", "agent": `curl\/8`}},
		"a parameter of a URL as no pair": {"see /x?status=502&took=3 or xstatus=1", Other, want{}},
		"an address as no file":           {"http://example.com:80/ 10.0.0.1:80 a.b:3", Other, want{}},
		"nothing":                         {"", Other, want{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := Read(test.message)
			if m.Kind() != test.kind {
				t.Errorf("kind = %d, want %d", m.Kind(), test.kind)
			}
			if diff := cmp.Diff(test.want, said(test.message)); diff != "" {
				t.Errorf("content of %q (-want +got):\n%s", test.message, diff)
			}
			for cut := range len(test.message) {
				checkParts(t, test.message[:cut])
			}
		})
	}
}

func TestParseDurationReadsSecondsAndUnits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0.056": 56 * time.Millisecond, "1.5s": 1500 * time.Millisecond, "200ms": 200 * time.Millisecond, "3": 3 * time.Second,
		"1m30s": 90 * time.Second, "2us": 2 * time.Microsecond, "1.5e-05": 15 * time.Microsecond, "9e99": 1<<63 - 1,
	} {
		if got, ok := ParseDuration(text); !ok || got != want {
			t.Errorf("%s = %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "x", "inf", "0x10", "1 s", "1..2", "NaN"} {
		if got, ok := ParseDuration(text); ok {
			t.Errorf("%s = %v, want none", text, got)
		}
	}
}

// checkParts holds every string to the package's promise: a part of the
// message, and between ASCII bytes that go on no word.
func checkParts(t *testing.T, message string) {
	t.Helper()
	m := Read(message)
	parts := strs(m)
	parts["tid"], parts["request"] = m.TID(), m.Request()
	for name, value := range parts {
		checkPart(t, name, message, value)
	}
	for l := range m.Locations {
		checkPart(t, "file", message, l.File)
		checkPart(t, "base", message, l.Base())
		checkPart(t, "line", message, l.Line)
		checkPart(t, "function", message, l.Function)
	}
	m.Took()
	m.UpstreamTook()
	m.HasTrace()
}

func checkPart(t *testing.T, name, message, value string) {
	t.Helper()
	if value == "" {
		return
	}
	at := int(uintptr(unsafe.Pointer(unsafe.StringData(value))) - uintptr(unsafe.Pointer(unsafe.StringData(message))))
	end := at + len(value)
	if at < 0 || end > len(message) || message[at:end] != value {
		t.Errorf("%s %q is no part of %q", name, value, message)
		return
	}
	if at > 0 && !closed(message[at-1:at]) || !closed(message[end:]) {
		t.Errorf("%s %q does not stand alone in %q", name, value, message)
	}
}

func stored(t testing.TB) []string {
	data, err := os.ReadFile("../testdata/nginx_messages.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range bytes.Lines(data) {
		var message string
		if err := json.Unmarshal(line, &message); err != nil {
			t.Fatal(err)
		}
		out = append(out, message)
	}
	return out
}

func TestCapturedMessagesCutAnywhereAreRead(t *testing.T) {
	clients := 0
	for _, message := range stored(t) {
		if m := Read(message); m.Client() != "" {
			clients++
		}
		for cut := range len(message) + 1 {
			checkParts(t, message[:cut])
		}
	}
	if clients < 30 {
		t.Errorf("%d messages have a client, want 30", clients)
	}
}

func TestReadingHostileMessagesTakesLittleTime(t *testing.T) {
	const head = "2026/11/22 08:53:08 [error] 1#1: *2 "
	for name, unit := range map[string]string{
		"contexts": `, client: a, request: "`, "quotes": `"`, "keys": `":`, "pairs": "a=", "dots": ".lua", "places": "a.lua:1", "stars": "*", "brackets": " [", "braces": `{"a":`,
	} {
		start := time.Now()
		checkParts(t, head+strings.Repeat(unit, 64<<10/len(unit)))
		checkParts(t, strings.Repeat(unit, 64<<10/len(unit)))
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func FuzzReadReturnsPartsOfTheMessage(f *testing.F) {
	for _, message := range stored(f) {
		f.Add(message)
	}
	f.Add("Traceback (most recent call last):\n  File \"/srv/a.py\", line 12, in main\n")
	f.Add(`{"status":200,"took":"1.5ms"} took_ms=3 path='/x'`)
	f.Add("16381:M 22 Nov 2026 09:13:44.123 # Server initialized")
	f.Fuzz(checkParts)
}

func BenchmarkRead(b *testing.B) {
	for name, message := range map[string]string{
		"nginx error":  "2026/11/22 08:53:14 [error] 18331#18331: *16 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, server: localhost, request: \"GET /up HTTP/1.1\", upstream: \"http://127.0.0.1:9/up\", host: \"127.0.0.1:1081\"",
		"nginx debug":  "2026/11/22 08:53:37 [debug] 19413#19413: *1 http output filter \"/hhl?\"",
		"nginx access": `127.0.0.1 - - [22/Nov/2026:08:53:08 +0000] "GET /err?token=abc&u=1 HTTP/1.1" 500 177 "http://x/y" "cocos2dx/3.2"`,
		"other":        "Background saving terminated with success",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m := Read(message)
				m.Client()
				m.Path()
				m.Status()
			}
		})
	}
}

func TestWhatIsLongerThanANameIsNoPythonFunction(t *testing.T) {
	for length, want := range map[int]int{255: 255, 257: 0} {
		for _, end := range []string{"", "\n"} {
			place, _ := Read(`File "a.py", line 1, in ` + strings.Repeat("f", length) + end).Location()
			if got := len(place.Function); got != want {
				t.Errorf("%d letters and %q: got %d", length, end, got)
			}
		}
	}
}
