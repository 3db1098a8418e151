package index

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var testNow = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func parse(text string) Query { return ParseQuery(text, ParseOptions{Now: testNow}) }

func TestParseQueryReadsTheGoldenCases(t *testing.T) {
	tests := []struct{ text, want string }{
		{`error -buggy OR foobar`, `(("error" AND NOT "buggy") OR "foobar")`},
		{`("something bad" program:ssh -noise) OR severity:error`,
			`(("something bad" AND tag:ssh AND NOT "noise") OR severity:error)`},
		{`program:(production.log staging.log) '"action"=>"index"' -("count(*)" OR abc)`,
			`((tag:production.log OR tag:staging.log) AND "\"action\"=>\"index\"" AND (NOT "count(*)" AND NOT "abc"))`},
		{`10.1.2 -("TTL exceeded" OR "1 packet")`, `("10.1.2" AND (NOT "TTL exceeded" AND NOT "1 packet"))`},
		{`facility:local0 severity:warning`, `(facility:local0 AND severity:warning)`},
		{`source:=server1 syslogtag:-cron datelastxx:12`, `(host:=server1 AND NOT tag:cron AND last:43200s)`},
		{`in:zrong since:deploy severity>=err -is:access`, `(instance:zrong AND severity>=err AND NOT is:access)`},
		{`/timeout \d+ms/ path:/api/v1/users`, `(/timeout \d+ms/ AND path:/api/v1/users)`},
		{`/data/zrong/lua/main.lua:12: in function 'handler'`,
			`("/data/zrong/lua/main.lua:12:" AND "in" AND "function" AND "handler")`},
		{`2026/09/01 10:42:31 [error] 31497#31497: *4139 [lua] counter.lua:66: log(): latency=0.056`,
			`("2026/09/01" AND "10:42:31" AND "[error]" AND "31497#31497:" AND "*4139" AND "[lua]" AND ` +
				`"counter.lua:66:" AND "log():" AND "latency=0.056")`},
		{`status=200 host=foo`, `("status=200" AND "host=foo")`},
		{`中文日志 超时`, `("中文日志" AND "超时")`},
		{`"unclosed phrase`, `"unclosed phrase"`},
		{`)stray(`, `")stray("`},
		{`OR error`, `"error"`},
		{`error AND`, `"error"`},
		{`NOT`, `"NOT"`},
	}
	for _, test := range tests {
		if got := parse(test.text).String(); got != test.want {
			t.Errorf("ParseQuery(%s)\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestParseQueryReads(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":                            {"  \t ", ""},
		"NOT before AND before OR":           {"a OR b c OR NOT d e", `("a" OR ("b" AND "c") OR ("e" AND NOT "d"))`},
		"a double NOT as none":               {"NOT NOT a", `"a"`},
		"NOT before OR as text":              {"NOT OR a", `("NOT" OR "a")`},
		"operators only in capitals":         {"a or b and not c", `("a" AND "or" AND "b" AND "and" AND "not" AND "c")`},
		"repeated operators once":            {"a OR OR AND b", `("a" OR "b")`},
		"! as NOT":                           {"!a !=b !", `("!=b" AND "!" AND NOT "a")`},
		"- before text only":                 {"--config -> - -x -超时 -1", `("--config" AND "->" AND "-" AND NOT "x" AND NOT "超时" AND NOT "1")`},
		"a group without end to the end":     {"(a OR b", `("a" OR "b")`},
		"an empty group as text":             {"() a", `("()" AND "a")`},
		"a lone parenthesis as text":         {"(", `"("`},
		"a group that is too deep as text":   {strings.Repeat("(", maxDepth+1) + "a", `"(a"`},
		"a call inside a group":              {"(log() x)", `("log()" AND "x")`},
		"a path as text":                     {"/api/v1/users /usr/local/", `("/api/v1/users" AND "/usr/local/")`},
		"a comment as text":                  {"// a", `("//" AND "a")`},
		"a regex in a group":                 {"(/a b/i OR c)", `(/a b/i OR "c")`},
		"an escaped slash in a regex":        {`/a\/b/`, `/a\/b/`},
		"an invalid regex as text":           {"/a(b/ c", `("/a(b/" AND "c")`},
		"a long regex as text":               {"/" + strings.Repeat("a", 513) + "/", `"/` + strings.Repeat("a", 513) + `/"`},
		"a costly regex as text":             {"/" + strings.Repeat("a{999}", 6) + "/", `"/` + strings.Repeat("a{999}", 6) + `/"`},
		"lines as one phrase":                {"a OR b\n\tc", `"a OR b\n\tc"`},
		"one line and its end as words":      {"a OR b\r\n", `("a" OR "b")`},
		"unknown names as text":              {"http://x 10:42:31 commit:a1b", `("http://x" AND "10:42:31" AND "commit:a1b")`},
		"a name without value as text":       {"severity: severity:> host:, (host:)", `("severity:" AND "severity:>" AND "host:," AND "host:")`},
		"a value that a field lacks as text": {"severity:loud is:new facility:9x", `("severity:loud" AND "is:new" AND "facility:9x")`},
		"one bad value of a list as text":    {"severity:err,loud host:(a", `("severity:err,loud" AND host:a)`},
		"a bad value in a group as text":     {"severity:(err loud) x", `("severity:(err" AND "loud)" AND "x")`},
		"aliases as their field":             {"level:error sev>=warn user:dev1 sender:x app:y processid:7", `(severity:error AND severity>=warn AND owner:dev1 AND host:x AND tag:y AND pid:7)`},
		"operators behind a colon":           {"severity:>=err seq:>5 seq:<=9", `(severity>=err AND seq>5 AND seq<=9)`},
		"a list as alternatives":             {`tag:a,"b c",d`, `(tag:a OR tag:"b c" OR tag:d)`},
		"a group of names as alternatives":   {"tag:(a b -c) msg:(a b)", `((NOT tag:c AND (tag:a OR tag:b)) AND (msg:a AND msg:b))`},
		"a group of names with AND":          {"tag:(a AND b c)", `((tag:a AND tag:b) OR tag:c)`},
		"!= as not the whole value":          {"host!=web severity!=err", `(NOT host:=web AND NOT severity:=err)`},
		"a negated group apart":              {"-(a (b OR c))", `(NOT "a" OR (NOT "b" AND NOT "c"))`},
		"LogAnalyzer's exclusions":           {"host:-a host:-=b msg:~c.d host:+e", `(NOT host:a AND NOT host:=b AND msg:c.d AND host:e)`},
		"LogAnalyzer's ranges":               {"severity:3-6", `severity:3-6`},
		"LogAnalyzer's unknown fields":       {"eventid:7 a", `"a"`},
		"LogAnalyzer's dates":                {"datefrom:2026-09-01T00:00:00 dateto:2026-09-02", `(after:2026-09-01T00:00:00 AND before:2026-09-02)`},
		"numbers in severity order as text":  {"severity>=3", `"severity>=3"`},
		"an escape as a literal":             {`a\*b \-x`, `("a\\*b" AND "\\-x")`},
		"an option as no condition":          {"limit:20 a limit:x", `("a" AND "limit:x")`},
		"a deploy as no condition yet":       {"since:deploy~2 a", `"a"`},
		"full-width space as a space":        {"a　OR　b", `("a" OR "b")`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := parse(test.text).String(); got != test.want {
				t.Errorf("ParseQuery(%s)\n got %s\nwant %s", test.text, got, test.want)
			}
		})
	}
}

func TestMatchFindsInMessages(t *testing.T) {
	tests := []struct {
		text    string
		yes, no []string
	}{
		{"timeout", []string{"ReadTimeouts", "TIMEOUT", "xtimeout1"}, []string{"time out", ""}},
		{"超时", []string{"请求超时了", "超时"}, []string{"超 时", "时超"}},
		{"dev1", []string{"socketserver_dev1", "DEV1", "dev10 dev1", "超dev1超"}, []string{"dev10", "xdev1", "dev1x"}},
		{"dev", []string{"dev1", "device"}, nil},
		{"uid=123", []string{"uid=123", "UID=123,", "guid=123"}, []string{"uid=1234"}},
		{"uid=123*", []string{"uid=123", "uid=1234"}, []string{"uid=12"}},
		{"*23", []string{"123", "23"}, []string{"234"}},
		{"*23*", []string{"1234"}, nil},
		{"a*z", []string{"abcz", "AZ"}, []string{"a z", "ab cz"}},
		{"a?c", []string{"abc", "a超c"}, []string{"ac", "a c", "abbc"}},
		{"?12", []string{"x12", "112"}, []string{"12", " 12", "x123"}},
		{"v1*2", []string{"v1.2", "v12", "v1..2"}, []string{"v1.23", "xv1.2", "v1 2"}},
		{"a*b*c", []string{"a-b-c", "a-b x a-b-c"}, []string{"a-b x-c", "a-c-b"}},
		{`a\*b`, []string{"a*b", `a\*b`}, []string{"axb"}},
		{`"a*b"`, []string{"a*b"}, []string{"axb"}},
		{`"1 packet"`, []string{"1 packets"}, []string{"11 packet"}},
		{"*", []string{"", "x"}, nil},
		{"K1", []string{"\u212a1", "k1"}, []string{"1k1", "\u212ak1"}},
		{"1", []string{"1 ", "é1"}, []string{"\u212a1", "1\u212a", "1\u0130"}},
		{"ärger", []string{"ÄRGER", "Ärger"}, []string{"arger"}},
		{"i", []string{"\u0130"}, nil},
		{"/a.c/", []string{"xABCx"}, []string{"ac"}},
		{"/(?-i)a.c/", []string{"abc"}, []string{"ABC"}},
		{`/a\x{fffd}bcd/`, []string{"a\xffbcd", "a\ufffdbcd"}, []string{"abcd"}},
		{"is:trace", []string{"x\nstack traceback:\n\t[C]", "Traceback (most recent call last):"}, []string{"traceback"}},
		{"has:url", []string{"see https://x"}, []string{"http"}},
		{"has:json", []string{`x {"a":1}`}, []string{"{a}"}},
		{"msg:=ready", []string{"ready", "READY"}, []string{"not ready", "ready."}},
		{"msg:=re*y", []string{"ready"}, []string{"already", "re y"}},
		{`msg:""`, []string{"", "x"}, nil},
		{`msg:=""`, []string{""}, []string{"x"}},
		{"\xff", []string{"a\xffb"}, []string{"a"}},
		{"a\r\nb", []string{"a\r\nb", "a\nb"}, []string{"a b"}},
	}
	for _, test := range tests {
		q := parse(test.text)
		for _, message := range test.yes {
			if !q.Match(&Entry{Message: message}) {
				t.Errorf("%s misses %q", test.text, message)
			}
		}
		for _, message := range test.no {
			if q.Match(&Entry{Message: message}) {
				t.Errorf("%s finds %q", test.text, message)
			}
		}
	}
}

func TestMatchFindsInHeaders(t *testing.T) {
	e := Entry{
		Seq: 77, Received: testNow.Add(-10 * time.Minute),
		Facility: Local5, Severity: Err, Format: FormatRFC3164, InstanceBy: ByCreds, Flags: FlagTruncated | FlagContradicts,
		Hostname: "web1", Source: "192.0.2.7", AppName: "socketserver_dev1", ProcID: "4711", MsgID: "login",
		StructuredData: `[x@1 user="ann lee"]`, Message: "hello", Instance: "socketserver/dev1", Input: "udp://127.0.0.1:5514",
	}
	for _, text := range []string{
		"instance:socketserver/dev1", "in:dev1", "in:socketserver", "in:dev*", "in:DEV1", "in:redis,dev1", "in:=socketserver/dev1",
		"owner:dev1", "service:socketserver", "service:socket*", "-owner:dev2", "in:/dev[0-9]$/",
		"host:web1", "host:192.0.2.7", "source:web*", "from:192.0.2.7", "host:=WEB1",
		"tag:socketserver", "program:dev1", "tag:server_dev1", "syslogtag:=socketserver_dev1", "tag:=socket%",
		"severity:error", "severity:err", "severity:3", "severity:0..3", "severity:3-6", "severity:warning..crit", "severity:e*",
		"severity>=warning", "severity>=err", "severity<crit", "severity<=err", "severity:/^err$/", "level:(warn err)", "severity!=info", "is:error",
		"facility:local5", "facility:21", "facility>=local0", "facility:local0..local7", "facility:local*",
		"pid:4711", "pid:47*", "msg_id:login", "msg_id:*", "msg:hell", "format:rfc3164", "instance_by:creds",
		"seq:77", "seq>=77", "seq:70..80", "seq:..77", "seq:77..", "seq<78", "seq!=7",
		`sd:"ann lee"`, "sd:ann+lee", "input:5514", "input:udp://127.0.0.1:5514",
		"is:truncated", "is:contradicts", "-is:lost", "is:lost,truncated",
		"last:15m", "since:1h", "after:11:50", "before:11:51", "before:5m", "time:11:50", "time:today", "time:11:00..11:50",
		"timereported:2026-09-01", "-last:5m", "(last:5m OR time:20m..1m)", "time:..11:50", "datelastx:1", "older_than:5m", "newer_than:1d",
	} {
		if !parse(text).Match(&e) {
			t.Errorf("%s misses", text)
		}
	}
	for _, text := range []string{
		"in:dev", "in:=dev1", "in:server", "owner:dev", "owner:dev10", "service:socket", "-in:dev1",
		"host:=web", "host:192.0.2.77", "host:web10", "host:92.0.2.7", "tag:dev10", "tag:=dev1", "tag:ev1", "-tag:socket",
		"severity:warning", "severity>err", "severity>=crit", "severity<err", "severity:4..7", "severity!=err", "-is:error",
		"facility:local4", "facility<local5", "facility>local7", "pid:471", "msg_id:log", "msg:=hell", "format:rfc", "seq:78", "seq:78..", "seq:..76",
		"seq>77", "is:lost", "-is:truncated", "last:5m", "since:5m", "before:15m", "before:11:50", "after:11:51",
		"time:yesterday", "time:11:00..11:49", "msg_id:=\"\"", "datelastxx:0.1",
	} {
		q := parse(text)
		if q.Terms()[0].Kind == "text" {
			t.Errorf("%s is read as text", text)
		}
		if q.Match(&e) {
			t.Errorf("%s finds", text)
		}
	}
}

func TestBoundsAreThoseOfTheTimeWords(t *testing.T) {
	at := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tests := []struct{ text, from, to string }{
		{"error", "", ""},
		{"last:15m", "2026-09-01T11:45:00Z", ""},
		{"last:1h30m", "2026-09-01T10:30:00Z", ""},
		{"last:1h since:15m", "2026-09-01T11:45:00Z", ""},
		{"before:2026-09-01", "", "2026-09-01T00:00:00Z"},
		{"time:yesterday", "2026-08-31T00:00:00Z", "2026-09-01T00:00:00Z"},
		{"time:2026-08-01..2026-08-02", "2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z"},
		{"time:10:42", "2026-09-01T10:42:00Z", "2026-09-01T10:43:00Z"},
		{"time:10:42:07", "2026-09-01T10:42:07Z", "2026-09-01T10:42:08Z"},
		{"time:23:50..00:10", "2026-08-31T23:50:00Z", "2026-09-01T00:11:00Z"},
		{"after:2026-09-01T10:42+02:00", "2026-09-01T08:42:00Z", ""},
		{`after:"2026-09-01 10:42:05"`, "2026-09-01T10:42:05Z", ""},
		{"time:2h..1h", "2026-09-01T10:00:00Z", "2026-09-01T11:00:00Z"},
		{"last:1h OR last:2h", "2026-09-01T10:00:00Z", ""},
		{"last:1h OR x", "", ""},
		{"-last:1h", "", ""},
		{"(a last:1h) OR (b time:2h..1h)", "2026-09-01T10:00:00Z", ""},
	}
	for _, test := range tests {
		from, to := parse(test.text).Bounds()
		if !from.Equal(at(test.from)) || !to.Equal(at(test.to)) {
			t.Errorf("bounds of %s = %v to %v, want %v to %v", test.text, from, to, test.from, test.to)
		}
	}
	east := ParseQuery("since:10:42", ParseOptions{Now: testNow, Location: time.FixedZone("", 8*3600)})
	if from, _ := east.Bounds(); !from.Equal(at("2026-09-01T02:42:00Z")) {
		t.Errorf("10:42 in UTC+8 = %v", from.UTC())
	}
}

func TestTermsTellHowEachPartWasRead(t *testing.T) {
	tests := map[string][]Term{
		`-error OR "a b" (/x y/)`: {
			{Text: "error", Kind: "text", Not: true},
			{Text: "OR", Kind: "operator"},
			{Text: `"a b"`, Kind: "phrase"},
			{Text: "(", Kind: "group"}, {Text: "/x y/", Kind: "regex"}, {Text: ")", Kind: "group"},
		},
		`-level:(err crit) host:-a last:5m limit:7`: {
			{Text: "level:(err crit)", Kind: "field", Field: "severity", Not: true},
			{Text: "host:-a", Kind: "field", Field: "host", Not: true},
			{Text: "last:5m", Kind: "time", Field: "last"},
			{Text: "limit:7", Kind: "option", Field: "limit"},
		},
		`level=error host=foo`: {
			{Text: "level=error", Kind: "text", Hint: "did you mean severity:error?"},
			{Text: "host=foo", Kind: "text", Hint: "did you mean host:foo?"},
		},
		`Severity:error eventid:4`: {
			{Text: "Severity:error", Kind: "text", Hint: "did you mean severity:error?"},
			{Text: "eventid:4", Kind: "field", Field: "eventid", Hint: "ignored: eventid means nothing here"},
		},
		`severity:loud since:deploy`: {
			{Text: "severity:loud", Kind: "text", Hint: "severities are emerg, alert, crit, err, warning, notice, info, debug"},
			{Text: "since:deploy", Kind: "time", Field: "since", Hint: "ignored: no deploy is known"},
		},
		`severity>=3`: {
			{Text: "severity>=3", Kind: "text", Hint: "is more a bigger number or more severe? Write severity>=err, or severity:0..3"},
		},
	}
	for text, want := range tests {
		if diff := cmp.Diff(want, parse(text).Terms(), cmpopts.IgnoreFields(Term{}, "From", "To")); diff != "" {
			t.Errorf("terms of %s (-want +got):\n%s", text, diff)
		}
	}
}

func TestZeroQueryAndInstanceQuery(t *testing.T) {
	dev1, dev2 := &Entry{Instance: "redis/dev1"}, &Entry{Instance: "redis/dev2"}
	var zero Query
	if !zero.Match(dev1) || !zero.Empty() || zero.plan().op != planAll {
		t.Error("the zero query asks for something")
	}
	if InstanceQuery().Match(dev1) || InstanceQuery().Empty() {
		t.Error("InstanceQuery() finds something")
	}
	q := zero.And(InstanceQuery("redis/dev1", "nginx/dev1"))
	if !q.Match(dev1) || q.Match(dev2) {
		t.Error("InstanceQuery finds the wrong instance")
	}
	if p := q.plan(); p.op != planInstance || !p.instance("redis/dev1") || p.instance("redis/dev2") {
		t.Errorf("plan = %+v", p)
	}
}

func TestScopeQueryIsOfOwnersAndOfInstances(t *testing.T) {
	q := ScopeQuery([]string{"dev1", "shared"}, []string{"web/dev2", "dev1"})
	for instance, want := range map[string]bool{
		"web/dev1": true, "redis/dev1": true, "mysql/shared": true, "web/dev2": true,
		"redis/dev2": false, "web/dev10": false, "web/dev1/x": false, "web/": false, Unassigned: false, "": false,
		"dev1": true, // a name is as it is
	} {
		if q.Match(&Entry{Instance: instance}) != want || q.plan().instance(instance) != want {
			t.Errorf("%q: want %t", instance, want)
		}
	}
	if ScopeQuery([]string{""}, nil).Match(&Entry{Instance: "web/"}) {
		t.Error("nobody owns an instance")
	}
}

func TestHighlightsAreTheTextsThatAreWanted(t *testing.T) {
	q := parse(`Error "a b" -c msg:d tag:e f*g (h OR NOT i) /j/`)
	want := []string{"Error", "a b", "d", "f", "g", "h"}
	if diff := cmp.Diff(want, q.Highlights()); diff != "" {
		t.Errorf("highlights (-want +got):\n%s", diff)
	}
}

func TestLimitIsTheSmallestAskedFor(t *testing.T) {
	if got := parse("a limit:20").And(parse("limit:10")).Limit(); got != 10 {
		t.Errorf("limit = %d, want 10", got)
	}
}

func TestOneQueryServesManyGoroutines(t *testing.T) {
	q := parse(`error OR Ärger OR /x\d/ OR a*z OR severity:err OR in:dev1`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, message := range []string{"ERROR", "ÄRGER", "X1", "a-z"} {
				if !q.Match(&Entry{Message: message, Severity: Info}) {
					t.Errorf("misses %q", message)
				}
			}
			if q.Match(&Entry{Message: "none", Severity: Info}) {
				t.Error("finds none")
			}
		})
	}
	wg.Wait()
}
