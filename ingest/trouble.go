package ingest

import (
	"sync"
	"time"
)

// reportEvery is how often the same trouble is reported.
const reportEvery = 10 * time.Second

// report logs trouble that may come with every entry: the first of its kind at
// once, the others counted, every reportEvery. doing is a constant.
func (in *input) report(doing string, err error) {
	if n, ok := in.trouble.allow(doing, in.now()); ok {
		in.log.Warn("input has trouble", "input", in.name, "doing", doing, "times", n, "err", err)
	}
}

// trouble remembers what was reported. The zero value is ready.
type trouble struct {
	mu    sync.Mutex
	kinds map[string]troubleKind
}

type troubleKind struct {
	reported time.Time
	count    int // since then
}

// allow tells whether to report now, and how often this happened since it was
// last reported.
func (t *trouble) allow(doing string, now time.Time) (count int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[string]troubleKind{}
	}
	k := t.kinds[doing]
	k.count++
	if !k.reported.IsZero() && now.Sub(k.reported) < reportEvery {
		t.kinds[doing] = k
		return 0, false
	}
	t.kinds[doing] = troubleKind{reported: now}
	return k.count, true
}
