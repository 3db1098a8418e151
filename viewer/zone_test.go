package viewer

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// zoned are the endpoints that read a search text.
var zoned = []string{"search", "count", "histogram", "facets", "export"}

func TestTimesInTheSearchTextAreInTheZoneThatIsAskedFor(t *testing.T) {
	cfg := testConfig(t, newFakeLogs(5))
	cfg.Location = time.FixedZone("+02:00", 2*3600)
	ts := startConfig(t, cfg, cfg.Logs.(*fakeLogs))
	// Entry n was received n seconds after 10:00 in UTC.
	tests := map[string]struct{ after, tz string }{
		"the server's":                  {"12:00:03", ""},
		"a name":                        {"18:00:03", "Asia/Shanghai"},
		"UTC":                           {"10:00:03", "UTC"},
		"Z":                             {"10:00:03", "Z"},
		"an offset":                     {"15:30:03", "+05:30"},
		"a plus that was not escaped":   {"15:30:03", " 05:30"},
		"behind Greenwich":              {"06:00:03", "-04:00"},
		"a time with an offset has its": {"10:00:03Z", "Asia/Shanghai"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			query := url.Values{"q": {"after:2026-11-22T" + tt.after}, "tz": {tt.tz}}.Encode()
			if diff := cmp.Diff([]uint64{5, 4, 3}, seqs(ts.search(t, query).Entries)); diff != "" {
				t.Errorf("search (-want +got):\n%s", diff)
			}
			if got := ts.object(t, "/api/v1/count?"+query)["count"]; got != 3.0 {
				t.Errorf("count = %v, want 3", got)
			}
			if got := ts.object(t, "/api/v1/histogram?"+query)["buckets"].([]any)[0].(jsonObject)["total"]; got != 3.0 {
				t.Errorf("histogram has %v, want 3", got)
			}
			if got := fmt.Sprint(ts.object(t, "/api/v1/facets?"+query)["fields"]); !strings.Contains(got, "count:3") {
				t.Errorf("facets are %s, want a count of 3", got)
			}
			if got := strings.Count(string(ts.get(t, "/api/v1/export?format=txt&"+query).body), "\n"); got != 3 {
				t.Errorf("export has %d lines, want 3", got)
			}
			c := ts.open(t, "/api/v1/tail?last=10&"+query)
			c.next() // the status
			if diff := cmp.Diff([]uint64{3, 4, 5}, seqs(c.next().Entries)); diff != "" {
				t.Errorf("tail (-want +got):\n%s", diff)
			}
		})
	}
}

func TestZonesThatCannotBeReadAreRefusedInASentence(t *testing.T) {
	ts := startTest(t, 1)
	for _, tz := range []string{"Mars/Olympus", "Local", "08:00", "+8", "+25:00", "+08:00:00", "../../etc/passwd", "/etc/passwd", "\x00", strings.Repeat("a", 100)} {
		for _, endpoint := range zoned {
			got := ts.get(t, "/api/v1/"+endpoint+"?tz="+url.QueryEscape(tz))
			want := "The parameter tz is " + shown(tz) + ": give a zone such as Asia/Shanghai or UTC, or an offset such as +08:00."
			if got.status != 400 || got.detail(t) != want {
				t.Errorf("%s with %q = %d %s, want 400 %s", endpoint, tz, got.status, got.body, want)
			}
		}
	}
	c := ts.open(t, "/api/v1/tail?tz=Mars/Olympus")
	if f := c.next(); f.Type != "error" || !strings.HasPrefix(f.Detail, "The parameter tz is") {
		t.Errorf("tail begins with %+v, want an error", f)
	}
}

func TestMeNamesTheServersZone(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		zone *time.Location
		want string
	}{
		"by its name":            {shanghai, "Asia/Shanghai"},
		"UTC":                    {time.UTC, "UTC"},
		"as its name, an offset": {time.FixedZone("+05:30", 5*3600+1800), "+05:30"},
		"nameless":               {time.FixedZone(time.Local.String(), 3600), "+01:00"},
	}
	for name, tt := range tests {
		if got := zoneName(tt.zone, now); got != tt.want {
			t.Errorf("%s: zone is %q, want %q", name, got, tt.want)
		}
		if _, ok := parseZone(zoneName(tt.zone, now)); !ok {
			t.Errorf("%s: the server does not read its own zone's name", name)
		}
	}
	cfg := testConfig(t, newFakeLogs(0))
	cfg.Location = shanghai
	ts := startConfig(t, cfg, cfg.Logs.(*fakeLogs))
	if got := ts.object(t, "/api/v1/me")["zone"]; got != "Asia/Shanghai" {
		t.Errorf("me has the zone %v", got)
	}
}
