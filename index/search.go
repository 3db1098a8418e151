package index

import "time"

// Order is the direction of a search in order of arrival, in which imported
// entries have the places of their days.
type Order uint8

// The orders.
const (
	NewestFirst Order = iota
	OldestFirst
)

// SearchRequest asks for entries.
type SearchRequest struct {
	Query Query
	// From and To bound Received: From ≤ Received < To. Zero is unbounded.
	From, To time.Time
	// After and Before are the entries that the search begins and ends at, both
	// excluded. Zero is unbounded. A caller pages by giving the Seq of the last
	// entry it has seen.
	After, Before uint64
	// Limit is the most entries to return; 0 means 100.
	Limit int
	Order Order
	// Within is how long to look: what has been found until then is the page, and
	// SearchResult.Reached tells how far that goes. It is always somewhat further
	// than where the search began. 0 looks until the page is full.
	Within time.Duration

	// ByArrival asks for the order of Seq alone, in which all that was imported
	// comes last. Who asks for one entry, with After and Before beside it, has to.
	ByArrival bool
}

// SearchResult is one page of entries, in the order asked for.
type SearchResult struct {
	Entries []Entry
	// More tells that further entries match, or may.
	More bool
	// Reached is set if SearchRequest.Within ended the search.
	Reached Reached
	Stats   SearchStats
}

// Reached is how far a search has looked. The zero value is to where it had to.
type Reached struct {
	// Seq is the Before, or for OldestFirst the After, that goes on from there.
	Seq uint64
	// Received is about when the next entry to look at was received.
	Received time.Time
}

// SearchStats say what a search cost.
type SearchStats struct {
	// ScannedBlocks were decompressed and matched, SkippedBlocks were not
	// because time, instance, index or filter excluded them. What is in neither
	// was counted without decompressing it, or comes behind the page.
	ScannedBlocks, SkippedBlocks int
	Took                         time.Duration
}

// CountRequest asks for the number of matching entries.
type CountRequest struct {
	Query    Query
	From, To time.Time
}

// InstanceStats are what the store knows of one instance.
type InstanceStats struct {
	Instance string
	// Entries and Bytes are what is kept now: entries, and the bytes of their
	// text before compression.
	Entries, Bytes uint64
	// Last is when its newest entry was received, LastError that of its
	// newest entry of severity err or worse. Zero if there is none.
	Last, LastError time.Time
	// Rate is entries per second over the last minute.
	Rate float64
}

// FollowRequest asks for entries as they arrive.
type FollowRequest struct {
	Query Query
	// After is the Seq of the last entry the caller has seen: what came since
	// is delivered first, from history. LastSeq starts from now, 0 from the
	// first entry there is.
	After uint64
	// MaxLag is how many entries a follower may be behind before it is moved
	// forward and told of a Gap; 0 means 100,000.
	MaxLag uint64
}

// Gap says which entries a follower was not shown.
type Gap struct {
	// Count is the number of entries of any kind that there are between FromSeq
	// and ToSeq, both included: fewer than the numbers, which have holes.
	Count, FromSeq, ToSeq uint64
}

// FollowBatch is what a follower gets in one go: first the gap, if any, then
// the entries, oldest first.
type FollowBatch struct {
	Gap     Gap
	Entries []Entry
	// Seq is how far the follower has read, matching or not: the After that
	// resumes behind this batch.
	Seq uint64
}
