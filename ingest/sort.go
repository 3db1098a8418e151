package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/rules"
)

// SetRules puts the messages that are received from now on through the rules of
// an Engine, nil through none. Log files that are followed are not among them:
// a rule could write to one of them. The caller lets the Engine run until the
// Receiver has ended, or has no more to do with it.
func (r *Receiver) SetRules(e *rules.Engine) { r.rules.Store(e) }

// sort puts a frame through the rules and returns the tag that they give it.
func (f *feed) sort(frame []byte, received time.Time, from *peer) (tag string) {
	if f.rules == nil {
		return ""
	}
	engine := f.rules.Load()
	if f.sorter != nil && f.sorter.Engine() != engine {
		f.sorter.Flush()
		f.sorter = nil
	}
	if engine == nil {
		return ""
	}
	if f.sorter == nil {
		f.sorter = engine.NewSorter(rules.Input{URL: f.name, Local: f.spec.isLocal()})
	}
	return f.sorter.Sort(withoutTokens(frame), from.source, received)
}

// unsort takes the last message back from the rules.
func (f *feed) unsort() {
	if f.sorter != nil {
		f.sorter.Undo()
	}
}

// withoutTokens is a frame as it may be written down.
func withoutTokens(frame []byte) []byte {
	if !bytes.Contains(frame, []byte(enterprise)) {
		return frame
	}
	text, _, at := cutTokens(string(frame))
	// RFC 5424 section 6: structured data stands behind six fields, and is not
	// nothing.
	if at > 0 && text[at-1] == ' ' && (at == len(text) || text[at] == ' ') && strings.Contains(text[:min(at, len("<191>1 "))], ">1 ") && strings.Count(text[:at], " ") == 6 {
		text = text[:at] + "-" + text[at:]
	}
	return []byte(text)
}

// Announce stores a sentence of ours, such as that a rule has trouble.
func (r *Receiver) Announce(text string) {
	e := r.losses.entry(r.losses.now(), index.Unassigned, text)
	e.Flags = 0
	if err := r.losses.append(e); err != nil {
		r.inputs[0].report("announce trouble", fmt.Errorf("%s: %w", text, err))
	}
}
