package syslog

import "strings"

// Sizes of an Arena's chunks: a quiet connection costs the first, a busy one
// an allocation per maxChunkBytes of text. An Entry that is kept keeps its
// chunk, so they are not larger.
const (
	minChunkBytes = 4 << 10
	maxChunkBytes = 64 << 10
)

// Arena turns byte slices into strings with one copy and, in the steady state,
// no allocation of their own: the strings share chunks that are written once
// and never again. An Arena belongs to one goroutine; its strings to anybody.
type Arena struct {
	chunk *strings.Builder // does not clear its memory first
}

// String returns a copy of b.
func (a *Arena) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if a.chunk == nil || a.chunk.Cap()-a.chunk.Len() < len(b) {
		if len(b) > maxChunkBytes/4 {
			return string(b)
		}
		size := a.nextSize(len(b))
		a.chunk = new(strings.Builder)
		a.chunk.Grow(size)
	}
	start := a.chunk.Len()
	_, _ = a.chunk.Write(b) // never fails
	return a.chunk.String()[start:]
}

func (a *Arena) nextSize(need int) int {
	size := minChunkBytes
	if a.chunk != nil {
		size = max(size, min(2*a.chunk.Cap(), maxChunkBytes))
	}
	for size < need {
		size *= 2
	}
	return size
}
