package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/index"
)

// startStore runs a server on a store with the entries, which get their Seq.
func startStore(t *testing.T, entries []index.Entry) *testServer {
	t.Helper()
	store, err := index.Open(index.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeTest(t, store) })
	if len(entries) > 0 {
		if err := store.Append(entries); err != nil {
			t.Fatal(err)
		}
	}
	return startConfig(t, testConfig(t, store), nil)
}

// twoInstances are six entries, one every ten minutes from 10:00.
func twoInstances() []index.Entry {
	entries := make([]index.Entry, 6)
	for i := range entries {
		entries[i] = index.Entry{
			Received: someTime.Add(time.Duration(i) * 10 * time.Minute), Instance: fmt.Sprintf("s/dev%d", i%2+1),
			Severity: index.Severity(3 + i%2), AppName: "app", Message: fmt.Sprintf("entry %d", i),
		}
	}
	return entries
}

type jsonObject = map[string]any

func (ts *testServer) object(t *testing.T, path string) jsonObject {
	t.Helper()
	got := ts.get(t, path)
	if got.status != 200 {
		t.Fatalf("%s = %d %s", path, got.status, got.body)
	}
	var o jsonObject
	got.decode(t, &o)
	delete(o, "stats")
	return o
}

func TestHistogramAnswersWithBucketsOfTheWholeRange(t *testing.T) {
	ts := startStore(t, twoInstances())
	got := ts.object(t, "/api/v1/histogram?q=instance:s/dev1+OR+entry&from=2026-11-22T10:05:00Z&to=2026-11-22T11:30:00Z&buckets=3")
	bucket := func(at string, err, warning float64) any {
		severities := jsonObject{}
		if err > 0 {
			severities["err"] = err
		}
		if warning > 0 {
			severities["warning"] = warning
		}
		return jsonObject{"time": at, "total": err + warning, "by_severity": severities}
	}
	want := jsonObject{
		"from": "2026-11-22T10:05:00Z", "to": "2026-11-22T11:30:00Z", "step_ms": 1800_000.0,
		"buckets": []any{
			bucket("2026-11-22T10:00:00Z", 1, 1), bucket("2026-11-22T10:30:00Z", 1, 2), bucket("2026-11-22T11:00:00Z", 0, 0),
		},
		"deploys": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("histogram (-want +got):\n%s", diff)
	}
	// An hour of Kathmandu begins at a quarter past one of UTC.
	there := ts.object(t, "/api/v1/histogram?tz=Asia/Kathmandu&from=2026-11-22T10:05:00Z&to=2026-11-22T13:30:00Z&buckets=5")
	if first := there["buckets"].([]any)[0].(jsonObject)["time"]; first != "2026-11-22T09:15:00Z" || there["step_ms"] != 3600_000.0 {
		t.Errorf("buckets of Kathmandu begin at %v in steps of %v ms", first, there["step_ms"])
	}
	empty := startStore(t, nil).object(t, "/api/v1/histogram")
	if diff := cmp.Diff([]any{}, empty["buckets"]); diff != "" || empty["from"] != empty["to"] {
		t.Errorf("histogram of nothing = %v, want no buckets at one moment", empty)
	}
}

func TestFacetsAnswerWithValuesAndWhatIsBesideThem(t *testing.T) {
	ts := startStore(t, twoInstances())
	got := ts.object(t, "/api/v1/facets?q=-%22entry+0%22&fields=owner,severity,+app_name&limit=1")
	value := func(text string, n float64) any { return []any{jsonObject{"value": text, "count": n}} }
	want := jsonObject{
		"fields":  jsonObject{"owner": value("dev2", 3), "severity": value("warning", 3), "app_name": value("app", 5)},
		"others":  jsonObject{"owner": 2.0, "severity": 2.0, "app_name": 0.0},
		"partial": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	all := ts.object(t, "/api/v1/facets")["fields"].(jsonObject)
	for _, name := range index.FacetFields() {
		if _, ok := all[name]; !ok {
			t.Errorf("without fields there is no %s", name)
		}
	}
}

func TestContextAnswersWithTheInstancesNeighbours(t *testing.T) {
	entries := twoInstances()
	ts := startStore(t, entries)
	var got struct {
		Entries               []index.Entry
		At                    int
		MoreBefore, MoreAfter bool
	}
	path := fmt.Sprintf("/api/v1/context?seq=%d&before=0&after=1", entries[2].Seq)
	ts.get(t, path).decode(t, &got)
	if diff := cmp.Diff([]uint64{entries[2].Seq, entries[4].Seq}, seqs(got.Entries)); diff != "" || got.At != 0 {
		t.Errorf("at %d, entries (-want +got):\n%s", got.At, diff)
	}
	o := ts.object(t, path)
	if o["more_before"] != true || o["more_after"] != false {
		t.Errorf("more before %v and after %v, want true and false", o["more_before"], o["more_after"])
	}
}

func TestContextOfAnUnknownOrHiddenEntryIs404(t *testing.T) {
	entries := twoInstances()
	ts := startStore(t, entries)
	unknown := ts.get(t, "/api/v1/context?seq=99")
	if unknown.status != 404 {
		t.Errorf("status = %d, want 404", unknown.status)
	}
	// A principal whose scope is empty, past the guard.
	request := httptest.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("/api/v1/context?seq=%d", entries[0].Seq), nil)
	err := ts.neighbours(echo.New().NewContext(request, httptest.NewRecorder()), principal{})
	var p *problem
	want := strings.ReplaceAll(unknown.detail(t), "99", fmt.Sprint(entries[0].Seq))
	if !errors.As(err, &p) || p.Status != 404 || p.Detail != want {
		t.Errorf("error = %v, want that there is no such entry", err)
	}
}

func TestAggregatesShowNothingOutsideOfTheScope(t *testing.T) {
	ts := startStore(t, twoInstances())
	for path, tt := range map[string]struct {
		handler handler
		want    string
	}{
		"/api/v1/histogram?q=entry":              {ts.histogram, `"buckets":[]`},
		"/api/v1/facets?q=entry&fields=instance": {ts.facets, `"instance":[]`},
		"/api/v1/export?q=entry+OR+x":            {ts.export, ""},
		"/api/v1/count?q=entry":                  {ts.count, `"count":0`},
	} {
		rec := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		if err := tt.handler(echo.New().NewContext(request, rec), principal{}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if body := rec.Body.String(); !strings.Contains(body, tt.want) || tt.want == "" && body != "" {
			t.Errorf("%s answers nobody with %s", path, body)
		}
	}
}

func TestAggregatesSayWhatIsWrong(t *testing.T) {
	ts := startTest(t, 1)
	for path, want := range map[string]string{
		"histogram?buckets=0":      `The parameter buckets is "0": give a whole number from 1 to 2000.`,
		"histogram?from=x":         `The parameter from is "x"`,
		"facets?fields=a":          `The parameter fields has "a": give some of instance, service,`,
		"facets?limit=1001":        `The parameter limit is "1001"`,
		"context":                  `The parameter seq is missing: give the seq of an entry.`,
		"context?seq=0":            `The parameter seq is "0"`,
		"context?seq=1&before=501": `The parameter before is "501": give a whole number from 0 to 500.`,
		"export?format=xml":        `The parameter format is "xml": give ndjson, csv or txt.`,
		"export?from=1h&to=2h":     `The parameter from ("1h") is later than to ("2h"): swap them.`,
	} {
		got := ts.get(t, "/api/v1/"+path)
		if got.status != 400 || !strings.HasPrefix(got.detail(t), want) {
			t.Errorf("%s = %d %s, want %s", path, got.status, got.body, want)
		}
	}
	for _, path := range []string{"histogram", "facets", "context?seq=1", "export"} {
		ts.logs.setFail(errors.New("open /secret/path: broken"))
		got := ts.get(t, "/api/v1/"+path)
		if got.status != 500 || strings.Contains(string(got.body), "secret") || got.header.Get("Content-Disposition") != "" {
			t.Errorf("%s = %d %s, want 500 without the reason", path, got.status, got.body)
		}
		ts.logs.setFail(fmt.Errorf("scan: %w", context.DeadlineExceeded))
		if got := ts.get(t, "/api/v1/"+path); got.status != 503 {
			t.Errorf("%s = %d, want 503", path, got.status)
		}
	}
}

func exportPath(query, format string) string {
	return "/api/v1/export?" + url.Values{"q": {query}, "format": {format}}.Encode()
}
