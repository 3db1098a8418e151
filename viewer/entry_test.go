package viewer

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

// say appends one entry with a message.
func (f *fakeLogs) say(message string) uint64 {
	f.add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &f.entries[len(f.entries)-1]
	e.Message = message
	return e.Seq
}

func TestEntryAnswersWithWhatItsMessageSays(t *testing.T) {
	tests := map[string]struct{ message, want string }{
		"an error of Lua": {
			"2026/11/22 08:53:08 [error] 7#7: *2 lua entry thread aborted: runtime error: /src/err.lua:3: no\nstack traceback:\n\t/src/err.lua:5: in main chunk, " +
				`client: 127.0.0.1, server: localhost, request: "GET /err?a=1 HTTP/1.1", upstream: "http://127.0.0.1:9/", host: "h:1", referrer: "http://x/"`,
			`{"kind":"lua","level":"error","pid":"7","conn":"2","client":"127.0.0.1","server":"localhost","method":"GET","path":"/err?a=1","protocol":"HTTP/1.1",
			"upstream":"http://127.0.0.1:9/","http_host":"h:1","referer":"http://x/","file":"/src/err.lua","line":3,
			"locations":[{"file":"/src/err.lua","line":3},{"file":"/src/err.lua","line":5,"function":"main chunk"}]}`,
		},
		"an access line": {
			`10.1.2.3 - - [22/Nov/2026:08:53:14 +0000] "POST /a HTTP/1.1" 200 0 "-" "curl/8" 1.523 1.500`,
			`{"kind":"nginx-access","client":"10.1.2.3","method":"POST","path":"/a","protocol":"HTTP/1.1","status":200,"bytes":0,"took":1.523,"upstream_took":1.5,"ua":"curl/8"}`,
		},
		"a timer":            {"2026/11/22 08:53:13 [warn] 7#7: *13 [lua] timer.lua:1: f(): x rid=ab, context: ngx.timer", `{"kind":"lua","level":"warn","pid":"7","conn":"13","context":"ngx.timer","file":"timer.lua","line":1,"function":"f","req":"ab"}`},
		"nothing":            {"ready", `{"kind":"syslog"}`},
		"bytes of no letter": {"path=/\xff", `{"kind":"syslog","path":"/\ufffd"}`},
	}
	logs := newFakeLogs(0)
	ts := startConfig(t, testConfig(t, logs), logs)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			seq := logs.say(test.message)
			got := ts.get(t, "/api/v1/entries/"+strconv.FormatUint(seq, 10))
			if got.status != 200 {
				t.Fatalf("status = %d %s", got.status, got.body)
			}
			var e index.Entry
			var answer struct{ Content any }
			got.decode(t, &e)
			got.decode(t, &answer)
			if e.Seq != seq || e.Instance != "socketserver/dev1" {
				t.Errorf("entry = %+v", e)
			}
			var want any
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, answer.Content); diff != "" {
				t.Errorf("content (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntryIsThereOnlyForWhomSearchShowsIt(t *testing.T) {
	s := listenTest(t, testConfig(t, newFakeLogs(1)))
	for name, test := range map[string]struct {
		p    principal
		want int
	}{"admin": {admin(), 200}, "nobody": {principal{}, 404}, "an unknown role": {principal{Name: "x", Role: "looker"}, 404}} {
		rec := httptest.NewRecorder()
		c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), rec)
		c.SetParamNames("seq")
		c.SetParamValues("1")
		got := rec.Code
		if err := s.entry(c, test.p); err != nil {
			got = asProblem(err, c.Request()).Status
		}
		if got != test.want {
			t.Errorf("%s: status = %d, want %d", name, got, test.want)
		}
	}
}

func TestEntryThatDoesNotExistIsAProblem(t *testing.T) {
	ts := startTest(t, 2)
	for path, want := range map[string]int{
		"3": 404, strconv.FormatUint(math.MaxUint64-1, 10): 404,
		"0": 400, "-1": 400, "x": 400, strconv.FormatUint(math.MaxUint64, 10): 400, "99999999999999999999": 400,
	} {
		got := ts.get(t, "/api/v1/entries/"+path)
		if got.status != want {
			t.Errorf("%s: status = %d, want %d", path, got.status, want)
		}
		got.detail(t)
	}
}
