package syslog

import "unsafe"

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
	chunk []byte // the bytes up to len are strings already, those behind are free
}

// String returns a copy of b.
func (a *Arena) String(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if cap(a.chunk)-len(a.chunk) < len(b) {
		if len(b) > maxChunkBytes/4 {
			return string(b)
		}
		a.chunk = make([]byte, 0, a.nextSize(len(b)))
	}
	start := len(a.chunk)
	a.chunk = append(a.chunk, b...)
	return unsafe.String(&a.chunk[start], len(b))
}

func (a *Arena) nextSize(need int) int {
	size := max(minChunkBytes, min(2*cap(a.chunk), maxChunkBytes))
	for size < need {
		size *= 2
	}
	return size
}
