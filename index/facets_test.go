package index

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// facetsOf counts by looking at every entry.
func facetsOf(all []Entry, req FacetsRequest) []Facet {
	var out []Facet
	for _, name := range req.Fields {
		i := slices.Index(FacetFields(), name)
		counts := make(map[string]uint64)
		for k := range all {
			e := &all[k]
			if req.Query.Match(e) && (req.From.IsZero() || !e.Received.Before(req.From)) && (req.To.IsZero() || e.Received.Before(req.To)) {
				counts[facetFields[i].get(e)]++
			}
		}
		var values []FacetValue
		for value, count := range counts {
			values = append(values, FacetValue{value, count})
		}
		slices.SortFunc(values, func(a, b FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
		})
		f := Facet{Field: name}
		for n, v := range values {
			if n < req.Limit {
				f.Values = append(f.Values, v)
			} else {
				f.Others += v.Count
			}
		}
		out = append(out, f)
	}
	return out
}

func TestFacetsEqualAScanForRandomQueriesRangesAndFields(t *testing.T) {
	s, all := countStore(t)
	head := []Entry{{Instance: "alone", Hostname: "vm", Facility: Local5, Format: FormatRFC5424, InstanceBy: ByCreds, Source: "192.0.2.7",
		ProcID: "99", MsgID: "login", Input: "udp://127.0.0.1:5514", AppName: "app1", Severity: Err, Message: "timeout in a head"}}
	if err := s.Append(head); err != nil {
		t.Fatal(err)
	}
	all = append(all, head...)
	r := rand.New(rand.NewPCG(11, 12))
	queries := testQueries()
	for _, text := range []string{"timeouts", "refused", "request", "severity:err", "instance:s/1", "tag:app1", "-refused"} {
		queries = append(queries, textQuery(text))
	}
	for range 400 {
		req := FacetsRequest{Query: combinedQuery(r, queries, 1), Limit: 1 + r.IntN(8)}
		for _, name := range FacetFields() {
			if r.IntN(3) == 0 {
				req.Fields = append(req.Fields, name)
			}
		}
		if len(req.Fields) == 0 {
			continue
		}
		if r.IntN(2) == 0 {
			req.From = all[0].Received.Add(time.Duration(r.Int64N(int64(time.Hour))))
		}
		if r.IntN(2) == 0 {
			req.To = all[0].Received.Add(time.Duration(r.Int64N(int64(time.Hour))))
		}
		got, err := s.Facets(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(facetsOf(all, req), got.Fields); diff != "" {
			t.Fatalf("%s, %+v: facets (-want +got):\n%s", req.Query, req, diff)
		}
	}
}

func TestFacetsReadNoBlockForWhatItsHeaderHas(t *testing.T) {
	s, all := countStore(t)
	for _, tt := range []struct {
		text, fields string
		read         int
	}{
		{"", "instance service owner severity", 0},
		{"severity:err", "instance severity", 0},
		{"refused", "instance owner", 0},
		{"refused", "instance severity", 12},
		{"", "instance app_name", 12},
		{"instance:s/2", "app_name", 6},
	} {
		req := FacetsRequest{Query: textQuery(tt.text), Fields: strings.Fields(tt.fields), Limit: 10}
		got, err := s.Facets(t.Context(), req)
		if diff := gocmp.Diff(facetsOf(all, req), got.Fields); err != nil || diff != "" {
			t.Errorf("%q %s: error %v, facets (-want +got):\n%s", tt.text, tt.fields, err, diff)
		}
		if got.Stats.ScannedBlocks != tt.read {
			t.Errorf("%q %s: %d blocks were read, want %d", tt.text, tt.fields, got.Stats.ScannedBlocks, tt.read)
		}
	}
}

func TestFacetsOfEndlessValuesAreBoundedAndSaySo(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	const entries = facetValues + 500
	batch := make([]Entry, entries)
	for i := range batch {
		batch[i] = Entry{Instance: "a/b", ProcID: fmt.Sprint(i), MsgID: strings.Repeat("x", i%1000) + fmt.Sprint(i)}
	}
	if err := s.Append(append(batch, Entry{Instance: "a/b", ProcID: "7", MsgID: "0"})); err != nil {
		t.Fatal(err)
	}
	got, err := s.Facets(t.Context(), FacetsRequest{Fields: []string{"proc_id", "msg_id", "owner"}, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range got.Fields {
		if f.Partial != (i < 2) || len(f.Values) != 1 || f.Values[0].Count+f.Others != entries+1 {
			t.Errorf("facet = %+v, want one value and all others of %d", f, entries+1)
		}
	}
	if v := got.Fields[0].Values[0]; v != (FacetValue{"7", 2}) {
		t.Errorf("most frequent proc_id = %+v, want 7 twice", v)
	}
}

func TestFacetsNamesAFieldThatItDoesNotKnow(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	_, err := s.Facets(t.Context(), FacetsRequest{Fields: []string{"message"}})
	if err == nil || !strings.Contains(err.Error(), `"message"`) || !strings.Contains(err.Error(), "app_name") {
		t.Errorf("error = %v, want the field and what is allowed", err)
	}
	got, err := s.Facets(t.Context(), FacetsRequest{})
	if err != nil || len(got.Fields) != len(FacetFields()) {
		t.Errorf("%d fields, error %v, want all", len(got.Fields), err)
	}
}
