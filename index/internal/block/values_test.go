package block

import (
	"fmt"
	"testing"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// TestAWriterLetsGoOfAllMessages: write clears only as many texts as its last
// column has, not those of a longer one before.
func TestAWriterLetsGoOfAllMessages(t *testing.T) {
	var messages []string
	for i := range 100 {
		messages = append(messages, fmt.Sprintf("long x%dyG%d", i, i))
	}
	for i := range 4 {
		messages = append(messages, fmt.Sprintf("short x%dyG%d", i, i))
	}
	var set shape.Set
	set.Cut(messages)
	var w valueWriter
	w.write(messages, &set)
	for i, text := range w.column[:cap(w.column)] {
		if text != "" {
			t.Fatalf("text %d is still %q", i, text)
		}
	}
}
