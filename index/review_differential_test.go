package index

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var zzVals = []func(r *rand.Rand) string{
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
var zzLits = []string{" ", " dev ", "_", "=", "：", "超时", "É", "é", "\xff", "\xe2\x84", "status=", "uid=", "GET /x HTTP/1.1\" ", "127.0.0.1 - - [22/Nov/2026:18:00:00 +0000] \"GET /up", "dead", "\" ", "/up?", " client: ", ".", ":", "-", "ſ", "ms ", " Dev"}

func zzMessages(r *rand.Rand) []string {
	var out []string
	nshape := 2 + r.IntN(8)
	for range nshape {
		var parts []func() string
		for range r.IntN(7) {
			if r.IntN(2) == 0 {
				l := zzLits[r.IntN(len(zzLits))]
				parts = append(parts, func() string { return l })
			} else {
				f := zzVals[r.IntN(len(zzVals))]
				l := zzLits[r.IntN(len(zzLits))]
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

func zzPart(r *rand.Rand, m string) string {
	if m == "" {
		return "dev"
	}
	a := r.IntN(len(m))
	b := a + 1 + r.IntN(min(len(m)-a, 12))
	return m[a:b]
}

func zzQuery(r *rand.Rand, ms []string, depth int) string {
	part := zzPart(r, ms[r.IntN(len(ms))])
	switch n := r.IntN(22); {
	case depth > 0 && n == 0:
		return "(" + zzQuery(r, ms, depth-1) + " OR " + zzQuery(r, ms, depth-1) + ")"
	case depth > 0 && n == 1:
		return "-(" + zzQuery(r, ms, depth-1) + " " + zzQuery(r, ms, depth-1) + ")"
	case depth > 0 && n <= 3:
		return zzQuery(r, ms, depth-1) + " " + zzQuery(r, ms, depth-1)
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

func TestSearchCountHistogramExportAndFacetsAreAsAScan(t *testing.T) {
	end := time.Now().Add(9 * time.Second)
	if d, err := time.ParseDuration(os.Getenv("ZZ")); err == nil {
		end = time.Now().Add(d)
	}
	base := rand.Uint64()
	for seed := base; time.Now().Before(end) && !t.Failed(); seed++ {
		r := rand.New(rand.NewPCG(seed, 3))
		cfg := Config{Dir: t.TempDir(), HeadEntries: 60 + r.IntN(400)}
		if r.IntN(3) == 0 {
			cfg.WordsPerBlock = 1 + r.IntN(6)
		}
		s := openStore(t, cfg)
		var entries []Entry
		ms := zzMessages(r)
		if len(ms) == 0 {
			ms = []string{""}
		}
		for _, m := range ms {
			entries = append(entries, Entry{Message: m, Severity: Severity(r.IntN(8)), Instance: "a/dev1", ProcID: fmt.Sprint(r.IntN(3))})
		}
		if err := s.Append(entries); err != nil {
			t.Fatal(err)
		}
		sealAll(t, s)
		for range 150 {
			text := zzQuery(r, ms, 2)
			q := parse(text)
			var want []string
			for i := range entries {
				if q.Match(&entries[i]) {
					want = append(want, entries[i].Message)
				}
			}
			var got []string
			for _, e := range findAll(t, s, q) {
				got = append(got, e.Message)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: query %q = %s (-want +got):\n%s", seed, text, q, diff)
			}
			n, err := s.Count(t.Context(), CountRequest{Query: q})
			if err != nil || n != uint64(len(want)) {
				t.Fatalf("seed %d: Count(%q) = %d, %v, want %d; %s", seed, text, n, err, len(want), q)
			}
			h, err := s.Histogram(t.Context(), HistogramRequest{Query: q})
			total := uint64(0)
			for _, b := range h.Buckets {
				total += b.Total
			}
			if err != nil || total != n {
				t.Fatalf("seed %d: Histogram(%q) = %d, %v, want %d", seed, text, total, err, n)
			}
			limit := 1 + r.IntN(8)
			order, before, after := Order(r.IntN(2)), uint64(r.IntN(len(entries)+2)), uint64(r.IntN(len(entries)+2))
			if r.IntN(2) == 0 {
				after = 0
			}
			if r.IntN(4) == 0 {
				limit = 100 + r.IntN(100)
			}
			var page []uint64
			for i := range entries {
				e := &entries[i]
				if order == NewestFirst {
					e = &entries[len(entries)-1-i]
				}
				if q.Match(e) && e.Seq > after && (before == 0 || e.Seq < before) {
					page = append(page, e.Seq)
				}
			}
			more := len(page) > limit
			page = page[:min(limit, len(page))]
			res, err := s.Search(t.Context(), SearchRequest{Query: q, Limit: limit, Order: order, Before: before, After: after})
			var gotPage []uint64
			for _, e := range res.Entries {
				gotPage = append(gotPage, e.Seq)
				w := entries[e.Seq-1]
				if w.Message != e.Message || w.ProcID != e.ProcID || w.Severity != e.Severity {
					t.Fatalf("seed %d: %q gives %q", seed, text, e.Message)
				}
			}
			if diff := cmp.Diff(page, gotPage); err != nil || diff != "" || more != res.More {
				t.Fatalf("seed %d: page %q %v %s", seed, text, err, diff)
			}
			m := 0
			if err := s.Export(t.Context(), ExportRequest{Query: q}, func(b []Entry) error {
				for _, e := range b {
					if e.Message != want[m] || e.ProcID != entries[e.Seq-1].ProcID {
						t.Fatalf("seed %d: export %q", seed, text)
					}
					m++
				}
				return nil
			}); err != nil || m != len(want) {
				t.Fatalf("export %d %v", m, err)
			}
			f, err := s.Facets(t.Context(), FacetsRequest{Query: q, Fields: []string{"severity", "proc_id"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range f.Fields {
				sum := x.Others
				for _, v := range x.Values {
					sum += v.Count
				}
				if sum != n {
					t.Fatalf("seed %d: facet %s of %q: %d want %d", seed, x.Field, text, sum, n)
				}
			}
		}
		closeStore(t, s)
	}
}
