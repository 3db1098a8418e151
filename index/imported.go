package index

import (
	"math"
	"slices"
	"time"
)

// Imported entries have Seqs of their own, above all of Append: bit 52, then the
// second of Received since 1970, then a number within the second. So they lie in
// the order of their time, whenever they were imported, and JSON readers that
// know 53 bits can read them. Who asks for what arrives never sees one.
const (
	importedBit   = 1 << 52
	importedShift = 18
	// importedPerSecond is how many entries a second has numbers for; those past
	// that get numbers of the next one.
	importedPerSecond = 1 << importedShift
	// importedSeconds is the number of seconds, up to the year 2242.
	importedSeconds = 1 << 33
	secondsPerDay   = 24 * 60 * 60
)

// Imported tells whether the Seq is that of an imported entry.
func Imported(seq uint64) bool { return seq >= importedBit }

// importedFrom is the lowest Seq of a second.
func importedFrom(second int64) uint64 {
	return importedBit | uint64(min(max(second, 0), importedSeconds-1))<<importedShift
}

func importedSecond(seq uint64) int64 { return int64(seq &^ importedBit >> importedShift) }

// ImportStart is the earliest Received that an imported entry can have.
var ImportStart = time.Unix(0, 0).UTC()

// stretch is a part of the order in which searches show entries: those with
// min ≤ Seq < end. All of the order is the stretches one after the other.
//
// The live entries are in the order of Seq, and so are the imported ones. Where
// both are, the imported ones of a day come before the first live one that was
// received on that day or later: that moves only when live entries go.
type stretch struct{ min, end uint64 }

var wholeOrder = stretch{0, math.MaxUint64}

func (st stretch) has(seq uint64) bool { return seq >= st.min && seq < st.end }

// stretches divides the order, oldest first.
func stretches(sources []source) []stretch {
	if !slices.ContainsFunc(sources, func(src source) bool { return Imported(src.first) }) {
		return []stretch{wholeOrder}
	}
	begins := make(map[int64]uint64) // the first Seq of each day of live entries
	imported := make(map[int64]bool) // days of Seq, which may be later than those of Received
	for i := range sources {
		src := &sources[i]
		if !Imported(src.first) {
			number := dayNumber(time.Unix(0, src.minTime))
			if first, known := begins[number]; !known || src.first < first {
				begins[number] = src.first
			}
			continue
		}
		for number := importedSecond(src.first) / secondsPerDay; number <= importedSecond(src.last)/secondsPerDay; number++ {
			imported[number] = true
		}
	}
	place := func(number int64) uint64 {
		lowest := uint64(importedBit)
		for other, first := range begins {
			if other >= number {
				lowest = min(lowest, first)
			}
		}
		return lowest
	}
	var list []stretch
	live, from := uint64(1), uint64(importedBit)
	for _, number := range sortedNumbers(imported) {
		if at := place(number); at > live {
			if n := len(list); n > 0 { // the imported ones before
				list[n-1].end = importedFrom(number * secondsPerDay)
				from = list[n-1].end
			}
			list = append(list, stretch{live, at}, stretch{from, math.MaxUint64})
			live = at
		} else if len(list) == 0 {
			list = append(list, stretch{from, math.MaxUint64})
		}
	}
	if live < importedBit {
		list = append(list, stretch{live, importedBit})
	}
	return list
}

func sortedNumbers(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for n := range set {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

// clipStretches leaves of the order what is behind one Seq and before another;
// zero is unbounded.
func clipStretches(list []stretch, after, before uint64) []stretch {
	find := func(seq uint64) int {
		return slices.IndexFunc(list, func(st stretch) bool { return st.has(seq) })
	}
	first, last := 0, len(list)-1
	clipped := slices.Clone(list)
	if after > 0 {
		if first = find(after); first < 0 { // the highest number there is
			return nil
		}
		clipped[first].min = after + 1
	}
	if before > 0 {
		if i := find(before); i >= 0 {
			last = i
			clipped[last].end = before
		}
	}
	if first > last {
		return nil
	}
	return clipped[first : last+1]
}

// within leaves out of sources what has nothing in the stretch.
func (st stretch) within(sources []source) []source {
	if st == wholeOrder {
		return sources
	}
	var some []source
	for i := range sources {
		if sources[i].last >= st.min && sources[i].first < st.end {
			some = append(some, sources[i])
		}
	}
	return some
}
