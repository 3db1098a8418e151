package static

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/index"
)

// fields are those of the real grammar.
func (s *server) fields(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"fields": index.Fields()})
}

// shapes takes a message's digits for its values.
func (s *server) shapes(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.find(r.URL.Query().Get("q"), 0, 0)
	type shape struct {
		Parts   []string `json:"parts"`
		Count   int      `json:"count"`
		Example string   `json:"example"`
		Seq     uint64   `json:"seq"`
	}
	var shapes []shape
	for _, e := range found {
		parts := digits.Split(e.Message, -1)
		at := slices.IndexFunc(shapes, func(one shape) bool { return slices.Equal(one.Parts, parts) })
		if at < 0 {
			at, shapes = len(shapes), append(shapes, shape{parts, 0, e.Message, e.Seq})
		}
		shapes[at].Count++
	}
	slices.SortStableFunc(shapes, func(a, b shape) int { return b.Count - a.Count })
	writeJSON(w, http.StatusOK, map[string]any{
		"shapes": shapes, "total": len(found), "partial": false,
		"stats": map[string]int{"scanned_blocks": 0, "skipped_blocks": 0, "took_ms": 1},
	})
}

var digits = regexp.MustCompile(`[0-9]+`)

// context answers with an entry between those of its instance.
func (s *server) context(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq, before, after := number(r, "seq"), int(number(r, "before")), int(number(r, "after"))
	if seq < 1 || seq > uint64(len(s.entries)) {
		problem(w, http.StatusNotFound, "There is no such entry.")
		return
	}
	same := s.find("instance:"+s.entries[seq-1].Instance, 0, 0)
	at := slices.IndexFunc(same, func(e entry) bool { return e.Seq == seq })
	from, to := max(0, at-before), min(len(same), at+1+after)
	writeJSON(w, http.StatusOK, map[string]any{
		"entries": same[from:to], "at": at - from, "more_before": from > 0, "more_after": to < len(same),
		"stats": map[string]int{"scanned_blocks": 0, "skipped_blocks": 0, "took_ms": 1},
	})
}

// export sends what q finds, oldest first; a message of CSV is quoted.
func (s *server) export(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	found, stalled := s.find(r.URL.Query().Get("q"), 0, 0), s.stalled
	s.mu.Unlock()
	format := r.URL.Query().Get("format")
	w.Header().Set("Content-Disposition", `attachment; filename="tagtail-to-20260901T104231Z.`+format+`"`)
	if format == "csv" {
		_, _ = fmt.Fprint(w, "seq,message\r\n")
	}
	for i, e := range found {
		switch format {
		case "csv":
			_, _ = fmt.Fprintf(w, "%d,\"%s\"\r\n", e.Seq, strings.ReplaceAll(e.Message, `"`, `""`))
		case "txt":
			_, _ = fmt.Fprintf(w, "%s\n", strings.ReplaceAll(e.Message, "\n", "#012"))
		default:
			_ = json.NewEncoder(w).Encode(e)
		}
		if stalled != nil && i == len(found)/2 {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-stalled:
			case <-r.Context().Done():
				return
			}
		}
	}
}
