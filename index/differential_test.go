package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// shapedValues make values, alike but for what makes trouble.
var shapedValues = []func(r *rand.Rand) string{
	func(r *rand.Rand) string {
		return []string{"İ1", "\u212a1", "é1", "1É", "µ1", "Μ1", "K1", "k1", "i1"}[r.IntN(9)]
	},
	func(r *rand.Rand) string {
		return []string{"café", "1f", "abc1", "abcdef", "fade0", "FADE0", "0xfade"}[r.IntN(7)]
	},
	func(r *rand.Rand) string { return fmt.Sprint(r.IntN(12)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%03d", r.IntN(12)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%016x", r.Uint64N(40)) },
	func(r *rand.Rand) string { return fmt.Sprintf("%X", r.Uint64N(4000)) + "0" },
	func(r *rand.Rand) string { return fmt.Sprintf("%017d", r.Uint64N(40)) },
	func(r *rand.Rand) string { return fmt.Sprint(uint64(99999999999999990) + r.Uint64N(40)) },
	func(r *rand.Rand) string { return fmt.Sprint(uint64(9999999999999990) + r.Uint64N(20)) },
	func(r *rand.Rand) string { return fmt.Sprint(uint64(999999999999999990) + r.Uint64N(20)) },
	func(r *rand.Rand) string { return "dev" + fmt.Sprint(r.IntN(12)) },
	func(r *rand.Rand) string { return "dead" + fmt.Sprint(r.IntN(12)) + "bEef" },
	func(r *rand.Rand) string { return fmt.Sprint(r.IntN(300)) + "ms" },
	func(r *rand.Rand) string { return "x" + fmt.Sprint(r.IntN(300)) + "Kb" },
	func(r *rand.Rand) string { return []string{"a1", "A1", "1a", "1A", "b2"}[r.IntN(5)] },
	func(r *rand.Rand) string { return []string{"status500", "200", "502"}[r.IntN(3)] },
}

var shapedLiterals = []string{" ", " dev ", "_", "=", "：", "超时", "É", "é", "\xff", "\xe2\x84", "status=", "uid=", "GET /x HTTP/1.1\" ", "127.0.0.1 - - [22/Nov/2026:18:00:00 +0000] \"GET /up", "dead", "\" ", "/up?", " client: ", ".", ":", "-", "ſ", "ms ", " Dev"}

func shapedMessages(r *rand.Rand) []string {
	var out []string
	nshape := 2 + r.IntN(8)
	for range nshape {
		var parts []func() string
		for range r.IntN(7) {
			if r.IntN(2) == 0 {
				l := shapedLiterals[r.IntN(len(shapedLiterals))]
				parts = append(parts, func() string { return l })
			} else {
				f := shapedValues[r.IntN(len(shapedValues))]
				l := shapedLiterals[r.IntN(len(shapedLiterals))]
				parts = append(parts, func() string { return f(r) + l })
			}
		}
		odd := r.IntN(12)
		for range 1 + r.IntN(60) {
			var b strings.Builder
			for _, p := range parts {
				b.WriteString(p())
			}
			switch odd {
			case 0:
				b.WriteString("\x00")
			case 1:
				b.WriteString("\u212a")
			case 2:
				b.WriteString("\u0130")
			}
			out = append(out, b.String())
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func partOf(r *rand.Rand, m string) string {
	if m == "" {
		return "dev"
	}
	a := r.IntN(len(m))
	b := a + 1 + r.IntN(min(len(m)-a, 12))
	return m[a:b]
}

func shapedQuery(r *rand.Rand, ms []string, depth int) string {
	part := partOf(r, ms[r.IntN(len(ms))])
	switch n := r.IntN(22); {
	case depth > 0 && n == 0:
		return "(" + shapedQuery(r, ms, depth-1) + " OR " + shapedQuery(r, ms, depth-1) + ")"
	case depth > 0 && n == 1:
		return "-(" + shapedQuery(r, ms, depth-1) + " " + shapedQuery(r, ms, depth-1) + ")"
	case depth > 0 && n <= 3:
		return shapedQuery(r, ms, depth-1) + " " + shapedQuery(r, ms, depth-1)
	case n == 4:
		return "-\"" + part + "\""
	case n == 5:
		return "\"" + strings.ToUpper(part) + "\""
	case n == 6:
		return part + "*"
	case n == 7:
		return "*" + part + "*"
	case n == 8:
		return "*" + part
	case n == 9 && len(part) > 2:
		return part[:len(part)/2] + "?" + part[len(part)/2+1:]
	case n == 10 && len(part) > 2:
		return part[:len(part)/2] + "*" + part[len(part)/2+1:]
	case n == 11:
		return "/" + strings.NewReplacer("/", ".", ".", "\\.", "?", ".").Replace(part) + "/"
	case n == 12 && len(part) > 2:
		return "/" + strings.NewReplacer("/", ".", "?", ".").Replace(part[:len(part)/2]) + ".*" + strings.NewReplacer("/", ".", "?", ".").Replace(part[len(part)/2:]) + "/"
	case n == 13:
		return []string{"status:500", "status:5xx", "uid:12", "client:*", "path:/up", "severity:err", "severity:0..3", "pid:1", "is:slow", "-status:500", "msg:=dev", "kind:syslog", "took>1", "bytes:12", "file:a", "req:1", "-severity:err", "has:req", "instance:a/dev1", "path:\"\"", "status:*", "path!=x"}[r.IntN(22)]
	case n == 14:
		return "msg:=\"" + ms[r.IntN(len(ms))] + "\""
	case n == 15:
		return []string{"dev", "dead", "ead", "fade", "abc", "fad", "ade", "/fade/", "/k1/", "/[k]1/", "/s/", "/É\\d/", "/(?-i)FADE/", "µ", "μ", "i1", "*1f", "-fade", "-dead", "bee", "beef", "ef", "ms", "kb", "1k", "é", "s", "uid", "超", "\u212a", "0", "00", "000", "1", "007"}[r.IntN(35)]
	}
	return "\"" + part + "\""
}

// TestEveryAnswerIsThatOfAScan has messages of some shapes with values that
// fold, begin with zeros, are long or look like words, and queries for parts of
// them.
func TestEveryAnswerIsThatOfAScan(t *testing.T) {
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 3))
		cfg := Config{Dir: t.TempDir(), HeadEntries: 60 + r.IntN(400)}
		if seed%3 == 0 {
			cfg.WordsPerBlock = 1 + r.IntN(6)
		}
		messages := append(shapedMessages(r), "")
		x := differential{t: t, r: r, store: openStore(t, cfg)}
		for _, m := range messages {
			e := Entry{Message: m, Severity: Severity(r.IntN(8)), Instance: "a/dev1", ProcID: fmt.Sprint(r.IntN(3))}
			x.entries = append(x.entries, e)
		}
		if err := x.store.Append(x.entries); err != nil {
			t.Fatal(err)
		}
		sealAll(t, x.store)
		for range 100 {
			x.text = shapedQuery(r, messages, 2)
			x.query = parse(x.text)
			x.check()
		}
		closeStore(t, x.store)
	}
}

// differential compares what a store answers with a scan of its entries.
type differential struct {
	t       *testing.T
	r       *rand.Rand
	store   *Store
	entries []Entry
	text    string
	query   Query
}

func (x *differential) check() {
	x.t.Helper()
	var want []Entry
	for i := range x.entries {
		if x.query.Match(&x.entries[i]) {
			want = append(want, x.entries[i])
		}
	}
	x.same("Search", want, findAll(x.t, x.store, x.query))
	var exported []Entry
	err := x.store.Export(x.t.Context(), ExportRequest{Query: x.query}, func(batch []Entry) error {
		exported = append(exported, batch...)
		return nil
	})
	x.fine("Export", err)
	x.same("Export", want, exported)
	x.checkPage(want)
	x.checkCounts(uint64(len(want)))
}

// checkPage asks for a page between two random entries.
func (x *differential) checkPage(want []Entry) {
	x.t.Helper()
	req := SearchRequest{
		Query: x.query, Limit: 1 + x.r.IntN(200), Order: Order(x.r.IntN(2)),
		Before: uint64(x.r.IntN(len(x.entries) + 2)), After: uint64(x.r.IntN(2) * x.r.IntN(len(x.entries)+2)),
	}
	var page []Entry
	for _, e := range want {
		if e.Seq > req.After && (req.Before == 0 || e.Seq < req.Before) {
			page = append(page, e)
		}
	}
	if req.Order == NewestFirst {
		slices.Reverse(page)
	}
	result, err := x.store.Search(x.t.Context(), req)
	x.fine("a page", err)
	x.same("a page", page[:min(req.Limit, len(page))], result.Entries)
	if result.More != (len(page) > req.Limit) {
		x.t.Fatalf("%q = %s: More = %v with %d matches for %d", x.text, x.query, result.More, len(page), req.Limit)
	}
}

func (x *differential) checkCounts(want uint64) {
	x.t.Helper()
	counts := map[string]uint64{}
	n, err := x.store.Count(x.t.Context(), CountRequest{Query: x.query})
	x.fine("Count", err)
	counts["Count"] = n
	h, err := x.store.Histogram(x.t.Context(), HistogramRequest{Query: x.query})
	x.fine("Histogram", err)
	counts["Histogram"] = 0
	for _, b := range h.Buckets {
		counts["Histogram"] += b.Total
	}
	f, err := x.store.Facets(x.t.Context(), FacetsRequest{Query: x.query, Fields: []string{"severity", "proc_id"}})
	x.fine("Facets", err)
	for _, field := range f.Fields {
		counts[field.Field] = field.Others
		for _, v := range field.Values {
			counts[field.Field] += v.Count
		}
	}
	for what, n := range counts {
		if n != want {
			x.t.Fatalf("%q = %s: %s has %d, want %d", x.text, x.query, what, n, want)
		}
	}
}

func (x *differential) fine(what string, err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatalf("%q = %s: %s: %v", x.text, x.query, what, err)
	}
}

func (x *differential) same(what string, want, got []Entry) {
	x.t.Helper()
	if diff := cmp.Diff(want, got, sameEntry, cmpopts.EquateEmpty()); diff != "" {
		x.t.Fatalf("%q = %s: %s (-want +got):\n%s", x.text, x.query, what, diff)
	}
}
