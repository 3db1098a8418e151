package viewer

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

func TestLogAnalyzerFiltersBecomeSearchTexts(t *testing.T) {
	tests := map[string]struct{ filter, want string }{
		"its own sample":                   {"facility:local0 severity:warning", "facility:local0 severity:warning"},
		"a predefined search":              {"severity:0,1,2,3,4 datelastx:3", "severity:0,1,2,3,4 datelastx:3"},
		"modifiers":                        {"source:=server1 syslogtag:-cron msg:~^a.*b", "source:=server1 syslogtag:-cron msg:~^a.*b"},
		"a plus in a value":                {"syslogtag:=my+app message:a++b", "syslogtag:=my+app message:a++b"},
		"spaces around":                    {"  a   b ", "a b"},
		"words":                            {"error -buggy", "error -buggy"},
		"a phrase":                         {`"disk full" -'50% off'`, `"disk full" -'50% off'`},
		"a phrase in a value":              {`msg:"a b" c`, `msg:"a b" c`},
		"an apostrophe":                    {"can't open 'a b'", "can't open 'a b'"},
		"a wildcard in a word":             {"time%out", "time*out"},
		"a wildcard in a value is read":    {"source:web%", "source:web%"},
		"our wildcards are text there":     {"what? 2*3", `what\? 2\*3`},
		"our operators are text there":     {"this OR that AND NOT", "this or that and not"},
		"our NOT and regex are text there": {"!x /a/ -/b/", `\!x \/a/ -\/b/`},
		"an escaped colon":                 {`10\:42%`, `10\:42*`},
		"a lone minus":                     {"a - b", "a - b"},
		"nothing":                          {"", ""},
		"an open quote":                    {`"a b`, `"a b`},
	}
	for name, tt := range tests {
		if got := logAnalyzerQuery(tt.filter); got != tt.want {
			t.Errorf("%s: %q becomes %q, want %q", name, tt.filter, got, tt.want)
		}
	}
}

func TestLogAnalyzerFiltersFindWhatTheyFoundThere(t *testing.T) {
	e := index.Entry{
		Seq: 1, Received: someTime, Time: someTime, Facility: index.Local0, Severity: index.Warning, Hostname: "web server1",
		AppName: "my app", ProcID: "4711", Message: "Can't open /a/ at 10:42: timeout, 2*3 OR c++ is 100% full?",
	}
	finds := []string{
		"facility:local0 severity:warn", "severity:3-6", "source:web+server1", "source:=web+server1", "source:server", "syslogtag:my+app",
		"message:c++++", "time%out", "OR", "/a/", "full?", "2*3", `10\:42`, "-nowhere", "syslogtag:-cron", "processid:4711",
		"can't timeout", `"at 10:42"`, "msg:~time(out)?", "timereported:2026-11-22", "datelastxx:12", "eventid:7",
	}
	misses := []string{"source:=web", "severity:0,1,2,3", "syslogtag:-my+app", "-timeout", "/b/", "2*4", "nowhere", "datelastxx:0.5"}
	for _, wanted := range []bool{true, false} {
		list := finds
		if !wanted {
			list = misses
		}
		for _, filter := range list {
			q := index.ParseQuery(logAnalyzerQuery(filter), index.ParseOptions{Now: someTime.Add(time.Hour), Location: time.UTC})
			if got := q.Match(&e); got != wanted {
				t.Errorf("%q as %q finds it: %v, want %v", filter, logAnalyzerQuery(filter), got, wanted)
			}
		}
	}
}

func TestLogAnalyzerAddressesLeadToThePage(t *testing.T) {
	ts := startTest(t, 1)
	tests := map[string]struct{ address, want string }{
		"a search":               {"/index.php?filter=severity%3A%3Derr+disk&search=Search", "./?q=severity%3A%3Derr+disk"},
		"at the root":            {"/?filter=a", "./?q=a"},
		"an empty filter":        {"/?filter=", "./"},
		"no search":              {"/index.php", "./"},
		"other parameters":       {"/index.php?sourceid=Source1&viewid=SYSLOG&pagenumber=3&filter=%2Ba", "./?q=%2Ba"},
		"a semicolon":            {"/index.php?filter=a;b", "./?q=a%3Bb"},
		"Chinese":                {"/index.php?filter=%E8%B6%85%E6%97%B6", "./?q=%E8%B6%85%E6%97%B6"},
		"a page of its own":      {"/statistics.php", "./"},
		"reports":                {"/reports.php?op=run", "./"},
		"the oracle":             {"/asktheoracle.php?type=searchstr&query=x", "./"},
		"details without a uid":  {"/details.php", "./"},
		"what cannot be decoded": {"/index.php?filter=%zz", "./"},
		"no other site":          {"/index.php?filter=//example.org", `./?q=%5C%2F%2Fexample.org`},
	}
	for name, tt := range tests {
		got := ts.get(t, tt.address)
		if target := got.header.Get("Location"); got.status != http.StatusFound || target != tt.want {
			t.Errorf("%s: %s = %d to %q, want 302 to %q", name, tt.address, got.status, target, tt.want)
		}
	}
	for _, address := range []string{"/details.php?uid=4711", "/index.php?uid=4711&filter=x"} {
		got := ts.get(t, address)
		if got.status != 404 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || !strings.Contains(string(got.body), `<a href="./">`) {
			t.Errorf("%s = %d %s, want a page that says so", address, got.status, got.body)
		}
	}
	got := ts.do(t, "GET", "/index.php?filter=a+b", "")
	if want := "login?next=" + url.QueryEscape("/index.php?filter=a+b"); got.status != http.StatusSeeOther || got.header.Get("Location") != want {
		t.Errorf("logged out = %d to %q, want 303 to %q", got.status, got.header.Get("Location"), want)
	}
}
