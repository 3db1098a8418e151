package static

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/static/browsertest"
)

// record remembers what the API was asked.
func (s *server) record(r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		return
	}
	s.change(func() { s.asked = append(s.asked, r.URL) })
}

// times is how often an endpoint was asked.
func (s *server) times(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, u := range s.asked {
		if u.Path == "/api/v1/"+endpoint {
			n++
		}
	}
	return n
}

// awaitAsked waits until the newest question to an endpoint has this parameter.
func (s *server) awaitAsked(t *testing.T, endpoint, name, value string) {
	t.Helper()
	deadline := time.After(browsertest.Patience)
	for {
		s.mu.Lock()
		got, changed := "nothing", s.changed
		for _, u := range s.asked {
			if u.Path == "/api/v1/"+endpoint {
				got = u.Query().Get(name)
			}
		}
		s.mu.Unlock()
		if got == value {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s was asked with %s=%q, want %q", endpoint, name, got, value)
		}
	}
}

// moment reads from or to; absent if it is not given.
func moment(r *http.Request, name string, absent time.Time) time.Time {
	text := r.URL.Query().Get(name)
	if back, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-back)
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t
	}
	return absent
}

// within leaves out what from and to leave out.
func within(r *http.Request, entries []entry) []entry {
	from, to := moment(r, "from", time.Time{}), moment(r, "to", time.Now().Add(time.Hour))
	return slices.DeleteFunc(entries, func(e entry) bool {
		return e.Received.Before(from) || !e.Received.Before(to)
	})
}

// held waits while the test wants counting to take long, and tells whether the
// browser has given up.
func (s *server) held(r *http.Request) bool {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold == nil {
		return false
	}
	select {
	case <-hold:
		return false
	case <-r.Context().Done():
		s.change(func() { s.aborted++ })
		return true
	}
}

// deployMark is one line in the histogram.
type deployMark struct {
	Instance string    `json:"instance"`
	Number   int       `json:"number"`
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	Result   string    `json:"result"`
	By       string    `json:"by"`
	SHA      string    `json:"sha"`
	Subject  string    `json:"subject"`
}

// histogram counts as the server does: in steps of a round length, from the
// oldest entry and to now where the range is open.
func (s *server) histogram(w http.ResponseWriter, r *http.Request) {
	if s.held(r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	type bucket struct {
		Time       time.Time      `json:"time"`
		Total      int            `json:"total"`
		BySeverity map[string]int `json:"by_severity"`
	}
	found := within(r, s.find(r.URL.Query().Get("q"), 0, 0))
	to := moment(r, "to", time.Now())
	from := to
	if len(s.entries) > 0 {
		from = moment(r, "from", s.entries[0].Received)
	}
	zone, err := time.LoadLocation(cmp.Or(r.URL.Query().Get("tz"), "Asia/Tokyo"))
	if err != nil {
		problem(w, http.StatusBadRequest, "The parameter tz is wrong.")
		return
	}
	_, seconds := to.In(zone).Zone()
	ahead := time.Duration(seconds) * time.Second
	step, buckets := time.Second, []bucket{}
	for _, seconds := range []int{1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600} {
		step = time.Duration(seconds) * time.Second
		if to.Sub(from.Truncate(step)) <= step*time.Duration(number(r, "buckets")) {
			break
		}
	}
	for at := from.Add(ahead).Truncate(step).Add(-ahead); at.Before(to); at = at.Add(step) {
		b := bucket{Time: at.UTC(), BySeverity: map[string]int{}}
		for _, e := range found {
			if !e.Received.Before(at) && e.Received.Before(at.Add(step)) {
				b.Total++
				b.BySeverity[e.Severity]++
			}
		}
		buckets = append(buckets, b)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"from": from.UTC(), "to": to.UTC(), "step_ms": step.Milliseconds(), "buckets": buckets, "deploys": s.deploys,
		"stats": map[string]int{"scanned_blocks": 1, "skipped_blocks": 0, "took_ms": 1},
	})
}

func (s *server) facets(w http.ResponseWriter, r *http.Request) {
	if s.held(r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	type value struct {
		Value string `json:"value"`
		Count int    `json:"count"`
	}
	get := map[string]func(entry) string{
		"severity": func(e entry) string { return e.Severity },
		"host":     func(e entry) string { return e.Hostname },
		"app_name": func(e entry) string { return e.AppName },
		"instance": func(e entry) string { return e.Instance },
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		limit = 10
	}
	fields, others := map[string][]value{}, map[string]int{}
	for name := range strings.SplitSeq(r.URL.Query().Get("fields"), ",") {
		counts := map[string]int{}
		for _, e := range within(r, s.find(r.URL.Query().Get("q"), 0, 0)) {
			counts[get[name](e)]++
		}
		values := []value{}
		for v, n := range counts {
			values = append(values, value{v, n})
		}
		slices.SortFunc(values, func(a, b value) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
		})
		for _, v := range values[min(limit, len(values)):] {
			others[name] += v.Count
		}
		fields[name] = values[:min(limit, len(values))]
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"fields": fields, "others": others, "partial": []string{},
		"stats": map[string]int{"scanned_blocks": 1, "skipped_blocks": 0, "took_ms": 1},
	})
}
