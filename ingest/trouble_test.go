package ingest

import (
	"testing"
	"time"
)

func TestTroubleIsReportedAtOnceAndThenCounted(t *testing.T) {
	var tr trouble
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	steps := []struct {
		doing string
		after time.Duration
		count int
		ok    bool
	}{
		{"append", 0, 1, true},
		{"append", time.Second, 0, false},
		{"accept", time.Second, 1, true},
		{"append", 9 * time.Second, 0, false},
		{"append", 10 * time.Second, 3, true},
		{"accept", 10 * time.Second, 0, false},
		{"accept", 12 * time.Second, 2, true},
	}
	for i, step := range steps {
		count, ok := tr.allow(step.doing, start.Add(step.after))
		if count != step.count || ok != step.ok {
			t.Errorf("step %d: got %d, %v, want %d, %v", i, count, ok, step.count, step.ok)
		}
	}
}
