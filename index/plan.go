package index

// plan says which blocks can hold a match, in a form that the index and the
// filters can answer. It is derived from a Query and only ever errs towards
// keeping a block: a block that the plan excludes has no match.
type plan struct {
	op   planOp
	kids []plan // of planAnd and planOr

	text     string                 // planWord, planID: the folded token
	anchor   anchor                 // planWord
	instance func(name string) bool // planInstance
	severity uint8                  // planSeverity: bit n is set if severity n can match
}

type planOp uint8

const (
	// planAll keeps every block; it is the plan of whatever cannot be pruned.
	planAll planOp = iota
	// planNone keeps none.
	planNone
	planAnd
	planOr
	// planWord keeps blocks with a word that has text in it, at the anchored
	// ends exactly there.
	planWord
	// planID keeps blocks whose filter has the id text.
	planID
	planInstance
	planSeverity
)

// anchor says which ends of a planWord's text are ends of the word.
type anchor uint8

const (
	anchorStart anchor = 1 << iota
	anchorEnd
)
