package index

import "testing"

func TestRingKeepsEntriesOnlyWhileSomebodyFollows(t *testing.T) {
	r := newRing(4, 10)
	buffer := make([]*Entry, 0, 4)
	add := func(seq uint64) { r.add([]Entry{{Seq: seq}}) }
	want := func(after uint64, base uint64, entries int) {
		t.Helper()
		if v := r.read(after, buffer); v.base != base || len(v.entries) != entries {
			t.Errorf("after %d: base %d and %d entries, want %d and %d", after, v.base, len(v.entries), base, entries)
		}
	}
	add(11)
	want(10, 11, 0) // older ones are in heads and blocks
	r.join()
	r.join()
	add(12)
	r.leave()
	add(13)
	want(11, 11, 2)
	r.leave()
	want(13, 13, 0)
	for _, slot := range r.slots {
		if slot != nil {
			t.Errorf("entry %d is held on to", slot.Seq)
		}
	}
	add(14)
	r.join()
	add(15)
	want(14, 14, 1)
}
