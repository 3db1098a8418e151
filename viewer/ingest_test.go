package viewer

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// fakeSink keeps what it is given.
type fakeSink struct {
	mu       sync.Mutex
	entries  []index.Entry
	from     netip.Addr // of the newest entries
	fail     error
	suppress string // messages with it are over the limit
}

func (f *fakeSink) Admits(instance string) bool { return strings.Count(instance, "/") == 1 }

func (f *fakeSink) Ingest(from netip.Addr, instance string, entries []index.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	f.from = from
	for i := range entries {
		e := &entries[i]
		e.Instance = instance
		if f.suppress != "" && strings.Contains(e.Message, f.suppress) {
			continue
		}
		e.Seq = uint64(len(f.entries) + 1)
		f.entries = append(f.entries, *e)
	}
	return nil
}

func (f *fakeSink) kept() []index.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.entries)
}

func (f *fakeSink) messages() []string {
	list := []string{}
	for _, e := range f.kept() {
		list = append(list, e.Message)
	}
	return list
}

// startIngest runs a server with a sink; change may be nil.
func startIngest(t *testing.T, change func(*Config)) (*testServer, *fakeSink) {
	t.Helper()
	logs, sink := newFakeLogs(0), &fakeSink{}
	cfg := testConfig(t, logs)
	cfg.Sink = sink
	if change != nil {
		change(&cfg)
	}
	return startConfig(t, cfg, logs), sink
}

// push sends a body of a type, with the admin token.
func (ts *testServer) push(t *testing.T, media, body string, header ...string) answerOf {
	t.Helper()
	return ts.do(t, http.MethodPost, "/api/v1/ingest", body,
		append(header, "Authorization", "Bearer "+adminToken, "Content-Type", media)...)
}

const ndjson = "application/x-ndjson"

func resultOf(t *testing.T, a answerOf) ingestResult {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status = %d, want 200: %s", a.status, a.body)
	}
	var r ingestResult
	a.decode(t, &r)
	return r
}

func TestEveryFieldOfALineIsKept(t *testing.T) {
	ts, sink := startIngest(t, nil)
	line := `{"message":"hello","severity":"err","facility":"local5","app_name":"game_dev1","hostname":"phone","proc_id":"7",` +
		`"msg_id":"LOGIN","time":"2026-11-22T10:42:31.5+08:00","structured_data":"[a b=\"c\"]"}`
	if got := resultOf(t, ts.push(t, ndjson, "\xef\xbb\xbf"+line+"\r\n\r\n")); got.Accepted != 1 || got.Rejected != 0 {
		t.Fatalf("result = %+v, want one accepted", got)
	}
	want := index.Entry{
		Seq: 1, Time: time.Date(2026, 11, 22, 10, 42, 31, 5e8, time.FixedZone("", 8*3600)),
		Facility: index.Local5, Severity: index.Err, Format: index.FormatJSON, Hostname: "phone",
		AppName: "game_dev1", ProcID: "7", MsgID: "LOGIN", StructuredData: `[a b="c"]`, Message: "hello",
	}
	got := sink.kept()[0]
	if !got.Time.Equal(want.Time) {
		t.Errorf("time = %v, want %v", got.Time, want.Time)
	}
	got.Time = want.Time
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if !sink.from.IsLoopback() {
		t.Errorf("from = %v, want this machine", sink.from)
	}
}

func TestPlainLinesAreMessages(t *testing.T) {
	ts, sink := startIngest(t, nil)
	got := resultOf(t, ts.do(t, http.MethodPost, "/api/v1/ingest?instance=game/dev1", "one\r\n\n  two\n{\"message\":3}\nhalf \xe4\xbd",
		"Authorization", "Bearer "+adminToken, "Content-Type", "text/plain; charset=UTF-8"))
	if got.Accepted != 4 || got.Rejected != 0 {
		t.Errorf("result = %+v, want four accepted", got)
	}
	if diff := cmp.Diff([]string{"one", "  two", `{"message":3}`, "half \xe4\xbd"}, sink.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	first := sink.kept()[0]
	if first.Instance != "game/dev1" || first.Facility != index.User || first.Severity != index.Notice || first.Format != index.FormatJSON {
		t.Errorf("entry = %+v, want user.notice of game/dev1", first)
	}
}

func TestALineThatIsWrongIsRejectedAlone(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"no JSON":            {`hello`, "not a JSON object"},
		"half an object":     {`{"message":"a`, "not a JSON object"},
		"an array":           {`["a"]`, "not a JSON object"},
		"null":               {`null`, "message is missing"},
		"no message":         {`{"severity":"err"}`, "message is missing"},
		"empty message":      {`{"message":""}`, "message is missing"},
		"message a number":   {`{"message":1}`, `field "message" is a JSON number`},
		"unknown field":      {`{"message":"a","user":"b"}`, `field "user" is not known: there are message, severity`},
		"instance claimed":   {`{"message":"a","instance":"game/dev2"}`, `field "instance" is not known`},
		"two objects":        {`{"message":"a"}{"message":"b"}`, "Something follows"},
		"severity":           {`{"message":"a","severity":"loud"}`, `severity "loud" is not known`},
		"facility":           {`{"message":"a","facility":"24"}`, `facility "24" is not known`},
		"time":               {`{"message":"a","time":"yesterday"}`, `time "yesterday" is not possible`},
		"time a number":      {`{"message":"a","time":7}`, `field "time" is a JSON number`},
		"line feed in name":  {`{"message":"a","app_name":"x\ny"}`, "app_name"},
		"long name":          {`{"message":"a","hostname":"` + strings.Repeat("x", maxNameBytes+1) + `"}`, "hostname"},
		"structured data":    {`{"message":"a","structured_data":"x"}`, "structured_data"},
		"much of that":       {`{"message":"a","structured_data":"[` + strings.Repeat("x", maxLineBytes) + `]"}`, "structured_data"},
		"NUL and garbage":    {"\x00\xff{", "not a JSON object"},
		"deep nesting":       {strings.Repeat("[", 20_000), "not a JSON object"},
		"pretty-printed one": {"{", "not a JSON object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ts, sink := startIngest(t, nil)
			got := resultOf(t, ts.push(t, ndjson, `{"message":"before"}`+"\n"+tt.line+"\n"+`{"message":"after"}`))
			if got.Accepted != 2 || got.Rejected != 1 || len(got.Errors) != 1 || got.Errors[0].Line != 2 || !strings.Contains(got.Errors[0].Detail, tt.want) {
				t.Errorf("result = %+v, want line 2 rejected with %q", got, tt.want)
			}
			if diff := cmp.Diff([]string{"before", "after"}, sink.messages()); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAtMostTenErrorsAreTold(t *testing.T) {
	ts, _ := startIngest(t, nil)
	got := resultOf(t, ts.push(t, "application/json", strings.Repeat("x\n", 25)))
	if got.Rejected != 25 || len(got.Errors) != 10 || got.Errors[9].Line != 10 {
		t.Errorf("result = %+v, want 25 rejected and ten told", got)
	}
}

func TestHalfACharacterInJSONIsReplaced(t *testing.T) {
	ts, sink := startIngest(t, nil)
	resultOf(t, ts.push(t, ndjson, "{\"message\":\"half \xe4\xbd\"}"))
	if got := sink.messages()[0]; !strings.HasPrefix(got, "half \uFFFD") {
		t.Errorf("message = %q, want U+FFFD at its end", got)
	}
}

func TestALongLineIsCutAndFlagged(t *testing.T) {
	whole, long := strings.Repeat("x", maxLineBytes), strings.Repeat("x", maxLineBytes+1)
	for media, lines := range map[string][2]string{
		"text/plain": {whole, long},
		ndjson:       {`{"message":"` + whole + `"}`, `{"message":"` + long + `"}`},
	} {
		ts, sink := startIngest(t, nil)
		resultOf(t, ts.push(t, media, lines[0]+"\n"+lines[1]+"\n"))
		got := sink.kept()
		if len(got[0].Message) != maxLineBytes || got[0].Flags != 0 {
			t.Errorf("%s: the longest line has %d bytes and flags %v", media, len(got[0].Message), got[0].Flags.Names())
		}
		if len(got[1].Message) != maxLineBytes || got[1].Flags != index.FlagTruncated {
			t.Errorf("%s: a longer line has %d bytes and flags %v", media, len(got[1].Message), got[1].Flags.Names())
		}
	}
}

func TestEmptyBodiesAreNoError(t *testing.T) {
	ts, sink := startIngest(t, nil)
	for _, body := range []string{"", "\n", "\r\n \t\n", "\xef\xbb\xbf"} {
		got := ts.push(t, ndjson, body)
		if want := `{"accepted":0,"rejected":0,"errors":[]}`; strings.TrimSpace(string(got.body)) != want {
			t.Errorf("answer to %q = %d %s, want %s", body, got.status, got.body, want)
		}
	}
	if n := len(sink.kept()); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestOtherBodiesAreRefused(t *testing.T) {
	ts, sink := startIngest(t, nil)
	tests := map[string]struct {
		header []string
		want   string
	}{
		"no type":       {nil, "Content-Type"},
		"a form":        {[]string{"Content-Type", "application/x-www-form-urlencoded"}, "Content-Type"},
		"half a type":   {[]string{"Content-Type", "text/plain; charset"}, "Content-Type"},
		"other charset": {[]string{"Content-Type", "text/plain; charset=gbk"}, "in UTF-8"},
		"gzip":          {[]string{"Content-Type", "text/plain", "Content-Encoding", "gzip"}, "without compression"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, "POST", "/api/v1/ingest", "hello", append(tt.header, "Authorization", "Bearer "+adminToken)...)
			if got.status != 415 || !strings.Contains(got.detail(t), tt.want) {
				t.Errorf("got %d %s, want 415 with %q", got.status, got.body, tt.want)
			}
		})
	}
	if n := len(sink.kept()); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestBodiesOverTheLimitsAreRefusedWhole(t *testing.T) {
	ts, sink := startIngest(t, nil)
	if got := ts.push(t, "text/plain", strings.Repeat("x", maxIngestBytes+1)); got.status != 413 {
		t.Errorf("a large body = %d, want 413", got.status)
	}
	if got := ts.push(t, "text/plain", strings.Repeat("x\n", maxIngestLines+1)); got.status != 413 || !strings.Contains(got.detail(t), "10001 lines") {
		t.Errorf("a body of many lines = %d %s, want 413", got.status, got.body)
	}
	chunked := fmt.Sprintf("POST /api/v1/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
		adminToken, maxIngestBytes+1, strings.Repeat("x", maxIngestBytes+1))
	if got := ts.raw(t, chunked); got.StatusCode != 413 {
		t.Errorf("a large body without a length = %d, want 413", got.StatusCode)
	}
	if n := len(sink.kept()); n != 0 {
		t.Fatalf("%d entries, want none", n)
	}
	if got := resultOf(t, ts.push(t, "text/plain", strings.Repeat("x\n", maxIngestLines))); got.Accepted != maxIngestLines {
		t.Errorf("%d accepted, want %d", got.Accepted, maxIngestLines)
	}
}

func TestABodyThatIsNotChunkedWellIsRefusedWhole(t *testing.T) {
	ts, sink := startIngest(t, nil)
	got := ts.raw(t, "POST /api/v1/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+adminToken+
		"\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\nnonsense\r\n")
	body, err := io.ReadAll(got.Body)
	if got.StatusCode != 400 || err != nil || !strings.Contains(string(body), "ended early") {
		t.Errorf("got %d %s, want 400", got.StatusCode, body)
	}
	if n := len(sink.kept()); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestTheRateIsLimited(t *testing.T) {
	ts, sink := startIngest(t, func(c *Config) { c.IngestRate, c.IngestBurst = 1, 1000 })
	resultOf(t, ts.push(t, "text/plain", strings.Repeat("x\n", 900)))
	got := ts.push(t, "text/plain", strings.Repeat("y\n", 500))
	if got.status != 429 || !strings.Contains(got.detail(t), "more than 1 lines a second") {
		t.Errorf("got %d %s, want 429", got.status, got.body)
	}
	if retry := got.header.Get("Retry-After"); len(retry) != 3 { // about 400
		t.Errorf("retry after %q s, want about 400", retry)
	}
	if n := len(sink.kept()); n != 900 {
		t.Errorf("%d entries, want 900", n)
	}
}

func TestThrottleRefillsAndForgets(t *testing.T) {
	now := someTime
	th := newThrottle(100, 200)
	for _, step := range []struct {
		client  string
		n       int
		elapsed time.Duration
		want    time.Duration
	}{
		{"a", 200, 0, 0},
		{"a", 100, 0, time.Second},
		{"b", 200, 0, 0},
		{"a", 100, time.Second, 0},
		{"a", 1000, 2 * time.Second, 0}, // a full bucket may be overdrawn
		{"a", 1, 8 * time.Second, 10 * time.Millisecond},
		{"a", 1, 10 * time.Millisecond, 0},
		{"a", 0, 0, 0},
	} {
		now = now.Add(step.elapsed)
		if got := th.take(step.client, step.n, now); got.Round(time.Microsecond) != step.want {
			t.Errorf("%+v: wait = %v", step, got)
		}
	}
	for i := range 2 * maxClients {
		th.take(fmt.Sprint(i), 200, now)
	}
	if n := len(th.buckets); n > maxClients+1 {
		t.Errorf("%d buckets, want at most %d", n, maxClients+1)
	}
	now = now.Add(time.Hour)
	if th.take("new", 200, now); len(th.buckets) != 1 {
		t.Errorf("%d buckets, want the full ones forgotten", len(th.buckets))
	}
}

func TestStoreErrorsAskToSendAgain(t *testing.T) {
	ts, sink := startIngest(t, nil)
	sink.fail = errors.New("disk full: /secret/path")
	got := ts.push(t, "text/plain", "hello\n")
	if got.status != 503 || got.header.Get("Retry-After") == "" || strings.Contains(got.detail(t), "secret") {
		t.Errorf("got %d %s, want 503 with Retry-After", got.status, got.body)
	}
}

func TestABusyServerAsksToSendAgain(t *testing.T) {
	ts, sink := startIngest(t, nil)
	if !ts.bodies.TryAcquire(maxBodiesBytes) {
		t.Fatal("the server is busy at its start")
	}
	if got := ts.push(t, "text/plain", "hello\n"); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s, want 503 with Retry-After", got.status, got.body)
	}
	ts.bodies.Release(maxBodiesBytes)
	resultOf(t, ts.push(t, "text/plain", "hello\n"))
	if diff := cmp.Diff([]string{"hello"}, sink.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if !ts.bodies.TryAcquire(maxBodiesBytes) {
		t.Error("a request has kept its share")
	}
}

func TestLinesOverTheLimitOfTheirInstanceAreRejected(t *testing.T) {
	ts, sink := startIngest(t, nil)
	sink.suppress = "noise"
	got := resultOf(t, ts.do(t, "POST", "/api/v1/ingest?instance=game/dev1", "a\n\nnoise\nb\n", "Authorization", "Bearer "+adminToken, "Content-Type", "text/plain"))
	want := ingestResult{Accepted: 2, Rejected: 1, Errors: []lineError{{3, `The instance "game/dev1" sends more than its limit allows.`}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestUnknownInstancesAndSinksAreRefused(t *testing.T) {
	ts, _ := startIngest(t, nil)
	auth := []string{"Authorization", "Bearer " + adminToken, "Content-Type", "text/plain"}
	for _, query := range []string{"instance=nonsense", "instance=a/b&instance=c/d", "instance=%zz"} {
		if got := ts.do(t, "POST", "/api/v1/ingest?"+query, "hello", auth...); got.status != 400 {
			t.Errorf("%s = %d, want 400", query, got.status)
		}
	}
	ts, _ = startIngest(t, func(c *Config) { c.Sink = nil })
	if got := ts.push(t, "text/plain", "hello"); got.status != 404 {
		t.Errorf("without a sink = %d, want 404", got.status)
	}
}

func TestOnlyWhomTheScopeAllowsMayIngest(t *testing.T) {
	if (principal{}).mayIngest("") || (principal{Name: "x", Role: "looker"}).mayIngest("game/dev1") {
		t.Error("somebody without a role may send")
	}
	if !admin().mayIngest("") || !admin().mayIngest("game/dev1") {
		t.Error("an admin may not send")
	}
}

func TestIngestFromOtherSitesIsRefused(t *testing.T) {
	ts, sink := startIngest(t, nil)
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if got := ts.push(t, "text/plain", "hello", header...); got.status != 403 {
			t.Errorf("%v = %d, want 403", header, got.status)
		}
	}
	if n := len(sink.kept()); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestConcurrentRequestsLoseNothing(t *testing.T) {
	const senders, requests = 8, 20
	ts, sink := startIngest(t, nil)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range requests {
				got := ts.push(t, ndjson, fmt.Sprintf("{\"message\":\"%d.%d.a\"}\nbad\n{\"message\":\"%d.%d.b\"}\n", i, n, i, n))
				if !strings.Contains(string(got.body), `"accepted":2,"rejected":1`) {
					t.Errorf("got %d %s", got.status, got.body)
				}
			}
		})
	}
	wg.Wait()
	got := sink.messages()
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != senders*requests*2 {
		t.Errorf("%d different messages, want %d", n, senders*requests*2)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"message":"a","time":"2026-11-22T10:42:31Z"}`+"\nx\r\n\n"), true)
	f.Add([]byte("\xef\xbb\xbfhalf \xe4\xbd\n\x00"), false)
	f.Fuzz(func(t *testing.T, body []byte, asJSON bool) {
		d := readLines(body, asJSON)
		if n := len(d.entries) + d.result.Rejected; n > countLines(body) || len(d.lines) != len(d.entries) {
			t.Errorf("%d entries and rejects of %d lines", n, countLines(body))
		}
		for i := range d.entries {
			var back index.Entry
			if err := back.UnmarshalJSON(d.entries[i].AppendJSON(nil)); err != nil {
				t.Errorf("an entry cannot be shown: %v", err)
			}
		}
	})
}
