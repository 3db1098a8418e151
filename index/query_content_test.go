package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/index/content"
)

// The messages of the golden cases: the first of each was captured.
const (
	nginxUp = `2026/11/22 08:53:14 [error] 18331#18331: *16 connect() failed (111: Connection refused) while connecting to upstream, ` +
		`client: 127.0.0.1, server: localhost, request: "GET /up HTTP/1.1", upstream: "http://127.0.0.1:9/up", host: "127.0.0.1:1081"`
	luaTraceback = "2026/11/22 08:53:08 [error] 18331#18331: *2 lua entry thread aborted: runtime error: /opt/hhl/socketserver/dev1/src/err.lua:3: " +
		"attempt to index local 't' (a nil value)\nstack traceback:\ncoroutine 0:\n\t/opt/hhl/socketserver/dev1/src/err.lua: in function 'login'\n" +
		"\t/opt/hhl/socketserver/dev1/src/err.lua:5: in main chunk, client: 127.0.0.1, server: localhost, " +
		`request: "GET /err?token=abc&u=1 HTTP/1.1", host: "127.0.0.1:1081", referrer: "http://x/y"`
	luaLatency   = `2026/09/01 10:42:31 [error] 31497#31497: *4139 [lua] counter.lua:66: log(): latency=0.056`
	accessUp     = `127.0.0.1 - - [22/Nov/2026:08:53:14 +0000] "GET /up HTTP/1.1" 502 157 "-" "-"`
	accessSlow   = `10.1.2.3 - - [22/Nov/2026:08:53:14 +0000] "POST /api/v1/users?page=2 HTTP/1.1" 200 20480 "https://example.org/a" "Mozilla/5.0 (X11)" 1.523 1.500`
	accessIPv6   = `2001:DB8::7 - - [22/Nov/2026:08:53:14 +0000] "GET / HTTP/1.1" 304 0 "-" "curl/8"`
	jsonAccess   = `{"remote_addr":"::ffff:10.1.2.3","uri":"/a","status":404,"request_time":0.004,"request_id":"7f3a9c"}`
	pythonFailed = "failed\nTraceback (most recent call last):\n  File \"/srv/app/main.py\", line 12, in handler\n    f()\nValueError: 7"
	redisText    = "Client closed connection id=8 addr=127.0.0.1:55336 laddr=127.0.0.1:16381 fd=8 name= age=0"
	pairsText    = `level=info status=503 took=250ms client=10.2.0.9:5123 path="/a b" rid=ab-12 see https://x/`
)

func TestContentFieldsFind(t *testing.T) {
	tests := []struct {
		message string
		yes, no string // queries, between two spaces
	}{
		{nginxUp,
			"kind:nginx-error  conn:16  conn:1*  pid:18331  client:127.0.0.1  ip:127.0.0.0/8  client:::ffff:127.0.0.1  client:127.0.*  server:local  method:GET  method:get,post  " +
				"path:/up  path:up  url:=/up  upstream:127.0.0.1:9  upstream:http*9/up  http_host::1081  has:req  has:url  -has:file  -status:*  -took:*  path:/^.up$/  client!=10.0.0.1  method:(GET POST)",
			"kind:lua  conn:1  conn:161  client:127.0.0.11  client:127.0.0  client:10.0.0.0/8  path:/^u/  path:=up  status:111  upstream:localhost  method:POST  path:/^up/  -client:127.0.0.1  is:access  referer:*x"},
		{luaTraceback,
			"kind:lua  kind:nginx-error  file:err.lua  file:=err.lua  file:err.lua:3  file:err.lua:5  file:/opt/hhl/socketserver/dev1/src/err.lua:3  file:*.lua  file:/err\\.lua$/  line:3  line:3..4  line>4  line<=3  " +
				"is:trace  has:file  has:trace  path:token=abc  path:/err  referer:/x/  path:(err token)  -path:(err other)  http_referer:http://x/y",
			"file:rr.lua:4  file:err.lua:33  file:err.luax  file:=r.lua  line:1..2  line:4  line>5  kind:redis  path:token=abcd  path:bcd  file:main.lua"},
		{luaLatency, "took:0.056  took:56ms  took>50ms  took<0.1  took:50ms..60ms  took>=56ms  took!=1s  file:counter.lua:66  line:66  conn:4139  -is:slow  took:*", "took>56ms  took:0.0561  is:slow  file:counter.lua:6  conn:413"},
		{accessUp,
			"status:502  status:5xx  status:50x  status:500..599  status:5xx..599  status:..502  status>=500  status>501  status<=502  status:500,502  status:(404 502)  status!=200  status:5*  status:/^50/  http_status:502  " +
				"bytes:157  bytes<1k  bytes:100..200  is:access  kind:nginx-access  method:GET  path:/up  client:127.0.0.1  has:req  -ua:*  -file:*  -line:*",
			"status:503  status:4xx  status:157  status<502  status>502  -status:5xx  bytes:15  bytes>=1k  bytes:502  kind:lua  -is:access  path:127"},
		{accessSlow,
			"took>1.5s  took>1500ms  is:slow  bytes>=20k  bytes:20k  bytes:20480  http_bytessend:20480b  bytes<1.5MB  client:10.0.0.0/8  client:10.1.0.0/15  client:10.1.2.3/32  path:/api/v1/users  path:page=2  path:/api  " +
				"ua:mozilla  http_useragent:(mozilla x11)  referer:example.org  http_method:post  /api v1/ OR path:/api/v1/users  -(status:5xx OR took<1s)",
			"took>1.523s  client:10.2.0.0/15  client:11.0.0.0/8  client:2001::/16  path:page=21  path:users?page1  path:HTTP  ua:firefox  path:=/api/v1/users  bytes>20k"},
		{accessIPv6, "client:2001:db8::7  client:2001:db8::/32  client:2001:0db8:0::0007  ip:2001:db8::/29  client:2001:db8:*  bytes:0  status:3xx", "client:2001:db8::8  client:2001:db9::/32  client:::/128"},
		{jsonAccess, "kind:json  client:10.1.2.3  client:10.0.0.0/8  client:::ffff:10.1.2.3  path:/a  status:4xx  took:4ms  rid:7f3a9c  req:7f3*  has:req  has:json", "client:10.1.2.4  req:7f3a9  status:401  req:7F3A9D"},
		{pythonFailed, "kind:python  file:main.py:12  file:app/main.py  line:12  is:trace  has:file", "file:main.py:7  file:main.py:1  line:7"},
		{redisText, "kind:syslog  client:127.0.0.1  client:127.0.0.0/8  client:127.0.0.1:55336", "client:127.0.0.1:16381  client:127.0.0.1:5533  has:redis"},
		{pairsText, "status:503  took:250ms  took:.25  client:10.2.0.0/16  path:\"/a b\"  path:=\"/a b\"  req:ab-12  rid:ab*  has:url", "path:/a/b  status:504  req:ab  is:slow"},
		{"", "-path:*x  path:\"\"  path:=\"\"  -status:*  -kind:lua  kind:syslog", "path:*x  status:*  client:0.0.0.0/0  client:::/0  line:*  file:?"},
	}
	for _, test := range tests {
		e := &Entry{Message: test.message}
		for i, queries := range []string{test.yes, test.no} {
			for text := range strings.SplitSeq(queries, "  ") {
				q := parse(text)
				for _, term := range q.Terms() {
					if term.Kind == "text" && !strings.Contains(text, " ") || term.Hint != "" {
						t.Errorf("%s: %s is read as %s, hint %q", text, term.Text, term.Kind, term.Hint)
					}
				}
				if got, want := q.Match(e), i == 0; got != want {
					t.Errorf("%s: match = %v, want %v, in %q", text, got, want, test.message)
				} else if got && !keeps(q.plan(), e) {
					t.Errorf("%s: its plan %s does not keep %q", text, q.plan(), test.message)
				}
			}
		}
	}
}

func TestKindAndProcessAreAlsoInTheHeader(t *testing.T) {
	redis := &Entry{AppName: "redis-16381", ProcID: "30800", Message: redisText}
	relayed := &Entry{AppName: "relay", ProcID: "1", Message: luaLatency}
	tests := []struct {
		text  string
		entry *Entry
		want  bool
	}{
		{"kind:redis", redis, true}, {"kind:syslog", redis, false}, {"pid:30800", redis, true},
		{"pid:1", relayed, true}, {"pid:31497", relayed, true}, {"pid:3149", relayed, false}, {"pid:=\"\"", relayed, false},
	}
	for _, test := range tests {
		if got := parse(test.text).Match(test.entry); got != test.want {
			t.Errorf("%s: match = %v, want %v", test.text, got, test.want)
		}
	}
}

func TestValuesThatAContentFieldLacksAreText(t *testing.T) {
	for text, hint := range map[string]string{
		"status:600":         "status is a number from 100 to 599, 5xx, or a range such as 500..504",
		"status:ok":          "status is a number from 100 to 599, 5xx, or a range such as 500..504",
		"status:7??":         "status is a number from 100 to 599, 5xx, or a range such as 500..504",
		"took>fast":          "took is a time such as 200ms, 1.5s or 1.5, or a range such as 1s..5s",
		"bytes>1..2":         "bytes is a size such as 512, 10k or 1.5MB, or a range such as 1k..2k",
		"bytes>1.5":          "bytes is a size such as 512, 10k or 1.5MB, or a range such as 1k..2k",
		"line:x":             "line is a number or a range such as 10..20",
		"client:10.0.0.0/33": "a network is written like 10.0.0.0/8 or 2001:db8::/32",
		"kind:loud":          "kinds are nginx-error, nginx-access, lua, redis, python, json, syslog",
		"has:loud":           "has: knows trace, file, req, redis, url, json",
		"is:stale":           "is: knows error, deploy, trace, access, slow, " + strings.Join(flagNames[:], ", "),
		"status=200":         "did you mean status:200?",
		"commit:a1b2":        "",
		"path:":              "",
	} {
		terms := parse(text).Terms()
		if len(terms) != 1 || terms[0].Kind != "text" {
			t.Errorf("%s is read as %+v", text, terms)
			continue
		}
		if terms[0].Hint != hint {
			t.Errorf("%s: hint %q, want %q", text, terms[0].Hint, hint)
		}
	}
}

func TestPlanAsksForWhatAContentFieldMustHave(t *testing.T) {
	for text, want := range map[string]string{
		"status:502":                     "id:502",
		"status:500..502":                "(id:500 | id:501 | id:502)",
		"status>=200":                    "all",
		"-status:502":                    "all",
		"client:10.1.2.3":                "(id:10 & id:1 & id:2 & id:3)",
		"client:10.0.0.0/8":              "id:10",
		"client:10.0.0.0/7":              "all",
		"client:2001:db8::/32":           "(id:2001 & (id:db8 | id:0db8))",
		"client:beef::/16":               "beef",
		"client:10.1.*":                  "(id:10 & id:1)",
		"conn:4139":                      "id:4139",
		"file:main.lua:12":               "(*main & lua* & id:12)",
		"file:=main.lua":                 "(main & lua)",
		"path:/api/users":                "(api & users*)",
		"path:api/us":                    "*api",
		"path:/users/42":                 "(users & id:42)",
		"path:/users/4*":                 "users",
		"path:=/users":                   "users",
		"path:/api\\/v[0-9]+\\/users/":   "(api* | x)",
		"line:7":                         "id:7",
		"line:7..8":                      "(id:7 | id:8)",
		"bytes:1k":                       "id:1024",
		"bytes>1k":                       "all",
		"took>1s":                        "all",
		"status:5xx path:/up is:access":  "",
		"has:redis":                      "*redis*",
		"line<0":                         "none",
		`upstream:"http://127.0.0.1:9/"`: "(*http & id:127 & id:0 & id:1 & id:9)",
	} {
		got := parse(text).plan().String()
		switch text {
		case "status:5xx path:/up is:access":
			if strings.Count(got, "id:5") != 100 {
				t.Errorf("plan of %s = %s, want an id for each of the hundred", text, got)
			}
		case "path:/api\\/v[0-9]+\\/users/":
			if !strings.Contains(got, "*api") || strings.Contains(got, "id:") {
				t.Errorf("plan of %s = %s", text, got)
			}
		default:
			if got != want {
				t.Errorf("plan of %s = %s, want %s", text, got, want)
			}
		}
	}
}

// contentMessages are messages with content of every kind.
func contentMessages(t testing.TB) []string {
	return append(storedMessages(t), nginxUp, luaTraceback, luaLatency, accessUp, accessSlow, accessIPv6, jsonAccess, pythonFailed, redisText, pairsText,
		"16381:M 22 Nov 2026 09:13:44.123 # Server initialized",
		`Ärger.example:80 10.0.0.1 - bob [22/Nov/2026:08:53:08 +0000] "GET /Ä%20超时?k=ſ HTTP/1.1" 499 - "-" "日志/2" rt=12.5`,
		"STATUS=404 Client_IP=fe80::1%eth0 file=/srv/İ/k.lua:9 PATH='/\u212aelvin/12' took_ms=1500")
}

// randomContentQuery asks for something of what a message says, or for
// something that comes close.
func randomContentQuery(r *rand.Rand, message string) string {
	m := content.Read(message)
	field, value := randomContent(r, m)
	if r.IntN(3) == 0 {
		value = randomPart(r, value)
	}
	if r.IntN(8) == 0 {
		value = randomText(r, 3)
	}
	value = strings.NewReplacer(" ", `\ `, ",", `\,`).Replace(value)
	switch r.IntN(10) {
	case 0:
		return field + ":=" + value
	case 1:
		return field + "!=" + value
	case 2:
		return field + ":" + value + "*"
	case 3:
		return field + ":*" + value
	case 4:
		return field + ":/" + regexMeta.Replace(value) + "/"
	case 5:
		if f, _ := findField(field); f.kind != orderedKind {
			return field + ":-" + value
		}
		return field + []string{">", ">=", "<", "<="}[r.IntN(4)] + value
	case 6:
		return field + ":" + value + ".." + value + "9"
	case 7:
		return "-" + field + ":" + value
	}
	return field + ":" + value
}

func randomContent(r *rand.Rand, m content.Message) (field, value string) {
	var locations []content.Location
	for l := range m.Locations {
		locations = append(locations, l)
	}
	if len(locations) > 0 && r.IntN(3) == 0 {
		l := locations[r.IntN(len(locations))]
		values := [][2]string{{"file", l.File}, {"file", l.Base()}, {"line", l.Line}, {"file", l.Base() + ":" + l.Line}, {"has", "file"}}
		pair := values[r.IntN(len(values))]
		return pair[0], pair[1]
	}
	client := m.Client()
	values := [][2]string{
		{"conn", m.Conn()}, {"req", m.RequestID()}, {"client", client}, {"client", client + "/" + fmt.Sprint(r.IntN(129))},
		{"client", strings.ToUpper(client)}, {"ip", "0" + client}, {"method", m.Method()}, {"path", m.Path()}, {"http_host", m.Host()},
		{"ua", m.UserAgent()}, {"referer", m.Referrer()}, {"upstream", m.Upstream()}, {"server", m.Server()}, {"status", m.Status()},
		{"bytes", m.Bytes()}, {"kind", "lua"}, {"is", "access"}, {"is", "slow"}, {"has", "req"}, {"pid", m.PID()}, {"took", "56ms"}, {"status", "5xx"},
	}
	values = slices.DeleteFunc(values, func(pair [2]string) bool { return pair[1] == "" })
	pair := values[r.IntN(len(values))]
	return pair[0], pair[1]
}

func TestPlanKeepsEveryMatchOfContent(t *testing.T) {
	const rounds = 60_000
	r := rand.New(rand.NewPCG(3, 4))
	messages := contentMessages(t)
	matched, pruned, text := 0, 0, 0
	for range rounds {
		message := messages[r.IntN(len(messages))]
		query := randomContentQuery(r, message)
		switch r.IntN(4) {
		case 0:
			message = messages[r.IntN(len(messages))]
		case 1:
			message = message[:r.IntN(len(message)+1)]
		case 2:
			message += randomText(r, 4)
		}
		q, e := parse(query), &Entry{Message: message}
		if slices.ContainsFunc(q.Terms(), func(t Term) bool { return t.Kind == "text" }) {
			text++
		}
		kept := keeps(q.plan(), e)
		checkShape(t, q, e)
		if q.Match(e) {
			matched++
			if !kept {
				t.Fatalf("query %q = %s matches %q but its plan %s does not keep it", query, q, message, q.plan())
			}
		} else if !kept {
			pruned++
		}
	}
	if matched < rounds/10 || pruned < rounds/10 || text > rounds/2 {
		t.Errorf("of %d rounds %d matched, %d were pruned and %d were text: the test has lost its point", rounds, matched, pruned, text)
	}
}
