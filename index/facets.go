package index

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

const (
	defaultFacetValues = 10
	maxFacetValues     = 1000

	// facetValues and facetBytes bound what is remembered of a field: values
	// past them are only counted.
	facetValues = 10_000
	facetBytes  = 4 << 20
)

// FacetsRequest asks for the most frequent values of fields.
type FacetsRequest struct {
	Query    Query
	From, To time.Time
	// Fields are names of FacetFields; none means all of them.
	Fields []string
	// Limit is the most values to return of each field; 0 means 10. There are no
	// more than 1,000.
	Limit int
}

// Facet is the most frequent values of a field among the matches.
type Facet struct {
	Field string
	// Values are the most frequent first, and by their text where the counts are
	// equal. An entry without a value has the empty one. Every count is exact.
	Values []FacetValue
	// Others counts the matches with another value than those.
	Others uint64
	// Partial tells that there were too many different values to remember them
	// all: one that is not in Values may be more frequent than one that is.
	Partial bool
}

// FacetValue is a value and how many matches have it.
type FacetValue struct {
	Value string
	Count uint64
}

// Facets are what Facets returns.
type Facets struct {
	Fields []Facet // as asked for
	Stats  SearchStats
}

// facetField is a header field whose values can be counted.
type facetField struct {
	name string
	part block.Part // where it is
	get  func(e *Entry) string
}

var facetFields = []facetField{
	{"instance", 0, func(e *Entry) string { return e.Instance }},
	{"service", 0, func(e *Entry) string { return e.Service() }},
	{"owner", 0, func(e *Entry) string { return e.Owner() }},
	{"severity", block.PartSeverity, func(e *Entry) string { return e.Severity.String() }},
	{"facility", block.PartFacility, func(e *Entry) string { return e.Facility.String() }},
	{"host", block.PartHostname, func(e *Entry) string { return e.Hostname }},
	{"source", block.PartSource, func(e *Entry) string { return e.Source }},
	{"app_name", block.PartAppName, func(e *Entry) string { return e.AppName }},
	{"proc_id", block.PartProcID, func(e *Entry) string { return e.ProcID }},
	{"msg_id", block.PartMsgID, func(e *Entry) string { return e.MsgID }},
	{"input", block.PartInput, func(e *Entry) string { return e.Input }},
	{"format", block.PartFormat, func(e *Entry) string { return e.Format.String() }},
	{"instance_by", block.PartBy, func(e *Entry) string { return e.InstanceBy.String() }},
}

// FacetFields lists the fields whose values Facets counts.
func FacetFields() []string {
	names := make([]string, len(facetFields))
	for i, f := range facetFields {
		names[i] = f.name
	}
	return names
}

// Facets counts the values of fields among the matches. It reads only blocks of
// which it must, and of these only the columns that the query and the fields
// look at.
func (s *Store) Facets(ctx context.Context, req FacetsRequest) (Facets, error) {
	tables, err := newFacetTables(req.Fields)
	if err != nil {
		return Facets{}, err
	}
	search := SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst}
	stats, err := s.survey(ctx, search, nil, func(ctx context.Context, m *scan, src *source, left expr) int {
		return countFacets(ctx, m, src, left, tables)
	})
	if err != nil {
		return Facets{}, err
	}
	limit := req.Limit
	if limit <= 0 {
		limit = defaultFacetValues
	}
	result := Facets{Stats: stats}
	for _, t := range tables {
		result.Fields = append(result.Fields, t.facet(min(limit, maxFacetValues)))
	}
	return result, nil
}

func newFacetTables(names []string) ([]*facetTable, error) {
	if len(names) == 0 {
		names = FacetFields()
	}
	tables := make([]*facetTable, len(names))
	for i, name := range names {
		at := slices.IndexFunc(facetFields, func(f facetField) bool { return f.name == name })
		if at < 0 {
			return nil, fmt.Errorf("the field %q cannot be counted: give some of %s", name, strings.Join(FacetFields(), ", "))
		}
		tables[i] = &facetTable{field: &facetFields[at], counts: make(map[string]uint64)}
	}
	return tables, nil
}

// facetTable counts the values of a field. scan.mu guards it. Once it is full a
// new value is not remembered, in this search never again, so that every count
// in it is exact.
type facetTable struct {
	field  *facetField
	counts map[string]uint64
	bytes  int
	others uint64
	full   bool
}

func (t *facetTable) add(value string, count uint64) {
	_, known := t.counts[value]
	switch {
	case count == 0:
		return
	case known:
	case t.full || len(t.counts) >= facetValues || t.bytes+len(value) > facetBytes:
		t.full = true
		t.others += count
		return
	default:
		value = strings.Clone(value) // it may be a part of a block
		t.bytes += len(value)
	}
	t.counts[value] += count
}

// addAll adds the counts of a source, the most frequent first: they are what
// should be remembered if there is not room for all.
func (t *facetTable) addAll(counts map[string]uint64) {
	values := slices.Collect(maps.Keys(counts))
	if len(values)+len(t.counts) > facetValues/2 {
		slices.SortFunc(values, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	}
	for _, value := range values {
		t.add(value, counts[value])
	}
}

func (t *facetTable) facet(limit int) Facet {
	f := Facet{Field: t.field.name, Others: t.others, Partial: t.full}
	for value, count := range t.counts {
		f.Values = append(f.Values, FacetValue{value, count})
	}
	slices.SortFunc(f.Values, func(a, b FacetValue) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	for _, v := range f.Values[min(limit, len(f.Values)):] {
		f.Others += v.Count
	}
	f.Values = slices.Clip(f.Values[:min(limit, len(f.Values))])
	return f
}

// countFacets adds the matches of a source: without reading it for the fields
// that its header has, if it is known how many of its entries match.
func countFacets(ctx context.Context, m *scan, src *source, left expr, tables []*facetTable) (effort int) {
	unread := tables
	if src.block != nil {
		unread = nil
		bySeverity := func(t *facetTable) bool { return t.field.part == block.PartSeverity }
		n, known := m.knownSums(ctx, src, left, slices.ContainsFunc(tables, bySeverity))
		for _, t := range tables {
			if !known || !t.addKnown(m, src, n) {
				unread = append(unread, t)
			}
		}
	}
	if len(unread) == 0 {
		return 0
	}
	part := block.Part(0)
	found := make([]map[string]uint64, len(unread))
	for i, t := range unread {
		part |= t.field.part
		found[i] = make(map[string]uint64)
	}
	effort = m.match(src, left, part, func(e *Entry) bool {
		for i, t := range unread {
			found[i][t.field.get(e)]++
		}
		return true
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, t := range unread {
		t.addAll(found[i])
	}
	return effort
}

// addKnown adds the matches of a block if its header has the field.
func (t *facetTable) addKnown(m *scan, src *source, n sums) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch t.field.part {
	case 0:
		t.add(t.field.get(&Entry{Instance: src.instance}), n.total)
	case block.PartSeverity:
		for severity, count := range n.severity {
			t.add(Severity(severity).String(), count)
		}
	default:
		return false
	}
	return true
}
