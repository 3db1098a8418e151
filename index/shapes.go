package index

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/shape"
)

const (
	// maxShapes and maxShapeBytes bound what Shapes remembers; messages of
	// further shapes are counted together.
	maxShapes     = 10_000
	maxShapeBytes = 16 << 20
	// shapedBytes is how much of a message is looked at, shapeBytes how much of
	// its shape tells it from others: less, so that the length of the values
	// before the cut makes no difference.
	shapedBytes = 1024
	shapeBytes  = 256
	// defaultShapes is for a request without a limit.
	defaultShapes = 50
)

// ShapesRequest asks how often messages say the same but for their values.
type ShapesRequest struct {
	Query    Query
	From, To time.Time // of Received, From ≤ Received < To; zero is unbounded
	Limit    int       // of the shapes returned; 0 means 50
}

// Shape is what some messages have in common.
type Shape struct {
	// Parts are the texts between the values, up to 256 bytes of them.
	Parts []string
	Count uint64
	// Example is the beginning of one of the messages, and Seq its entry.
	Example string
	Seq     uint64
}

// Shapes are what Shapes returns.
type Shapes struct {
	Shapes []Shape // the most frequent first
	Total  uint64  // of the matches
	// Partial tells that there were too many shapes to remember them all.
	Partial bool
	Stats   SearchStats
}

// Shapes counts the matches by what their messages say without its values. It
// reads the message of every match, until ctx ends.
func (s *Store) Shapes(ctx context.Context, req ShapesRequest) (Shapes, error) {
	table := shapeTable{found: make(map[string]*Shape)}
	search := SearchRequest{Query: req.Query, From: req.From, To: req.To, Order: OldestFirst}
	stats, err := s.survey(ctx, search, nil, func(ctx context.Context, m *scan, src *source, left expr) int {
		here := shapeTable{found: make(map[string]*Shape)}
		var set shape.Set
		effort := m.match(src, left, block.PartMessage|block.PartSeq, func(e *Entry) bool {
			here.add(&set, e)
			return here.total%1024 != 0 || ctx.Err() == nil
		})
		m.mu.Lock()
		defer m.mu.Unlock()
		table.merge(&here)
		return effort
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return Shapes{}, err
	}
	result := Shapes{Total: table.total, Partial: table.partial, Stats: stats}
	for text, one := range table.found {
		one.Parts = strings.Split(text, shape.MarkText)
		result.Shapes = append(result.Shapes, *one)
	}
	slices.SortFunc(result.Shapes, func(a, b Shape) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Example, b.Example))
	})
	limit := cmp.Or(max(req.Limit, 0), defaultShapes)
	result.Shapes = slices.Clip(result.Shapes[:min(limit, len(result.Shapes))])
	return result, nil
}

// shapeTable counts shapes by their text.
type shapeTable struct {
	found   map[string]*Shape
	bytes   int
	total   uint64
	partial bool
}

func (t *shapeTable) add(set *shape.Set, e *Entry) {
	t.total++
	message := beginning(e.Message, shapedBytes)
	set.Cut([]string{message})
	text := beginning(set.Text(0), shapeBytes)
	if one := t.found[text]; one != nil {
		one.Count++
		return
	}
	// Both may be parts of a block, or of the set.
	t.put(strings.Clone(text), &Shape{Count: 1, Example: strings.Clone(message), Seq: e.Seq})
}

// beginning is the text up to that many bytes, without a part of a letter.
func beginning(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// put adds a shape that is not there yet, if there is room.
func (t *shapeTable) put(text string, one *Shape) {
	size := len(text) + len(one.Example)
	if len(t.found) >= maxShapes || t.bytes+size > maxShapeBytes {
		t.partial = true
		return
	}
	t.bytes += size
	t.found[text] = one
}

func (t *shapeTable) merge(other *shapeTable) {
	t.total += other.total
	t.partial = t.partial || other.partial
	for text, one := range other.found {
		if known := t.found[text]; known != nil {
			known.Count += one.Count
		} else {
			t.put(text, one)
		}
	}
}
