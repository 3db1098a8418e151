package index

import (
	"math"
	"time"
)

// bounds are a request's limits of Seq and Received: the lower one is in, the
// upper one is not.
type bounds struct {
	minSeq, endSeq   uint64
	minTime, endTime int64
}

func newBounds(req SearchRequest) bounds {
	b := bounds{minSeq: req.After + 1, endSeq: math.MaxUint64, minTime: math.MinInt64, endTime: math.MaxInt64}
	if req.Before > 0 {
		b.endSeq = req.Before
	}
	// What the query says of time it checks itself: here it only skips blocks.
	from, to := req.Query.Bounds()
	for _, t := range []time.Time{req.From, from} {
		if !t.IsZero() {
			b.minTime = max(b.minTime, nanoseconds(t))
		}
	}
	for _, t := range []time.Time{req.To, to} {
		if !t.IsZero() {
			b.endTime = min(b.endTime, nanoseconds(t))
		}
	}
	return b
}

// within narrows the bounds to a stretch.
func (b bounds) within(st stretch) bounds {
	b.minSeq, b.endSeq = max(b.minSeq, st.min), min(b.endSeq, st.end)
	return b
}

// nanoseconds is t.UnixNano, with the moments that it cannot tell moved to the
// nearest that it can.
func nanoseconds(t time.Time) int64 {
	switch sec := t.Unix(); {
	case sec >= math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	case sec <= math.MinInt64/1_000_000_000:
		return math.MinInt64
	default:
		return t.UnixNano()
	}
}

// clip returns the Seq within the bounds that is nearest to seq.
func (b bounds) clip(seq uint64) uint64 { return min(max(seq, b.minSeq), b.endSeq-1) }

func (b bounds) has(seq uint64, received int64) bool {
	return seq >= b.minSeq && seq < b.endSeq && received >= b.minTime && received < b.endTime
}

func (b bounds) hasAny(src *source) bool {
	return src.last >= b.minSeq && src.first < b.endSeq && src.maxTime >= b.minTime && src.minTime < b.endTime
}

func (b bounds) hasAll(src *source) bool {
	return b.has(src.first, src.minTime) && b.has(src.last, src.maxTime)
}
