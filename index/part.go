package index

import (
	"log/slog"
	"os"
	"slices"

	"github.com/tagtail/tagtail/index/internal/block"
)

// load reads a block. The first error is reported; after that the block counts
// as damaged.
func (s *Store) load(b *storedBlock) (*block.Columns, error) {
	file, err := os.ReadFile(b.path)
	if err == nil {
		var columns *block.Columns
		if columns, err = s.codec.Decode(file); err == nil {
			return columns, nil
		}
	}
	s.reportBlock(b, err)
	return nil, err
}

func (s *Store) reportBlock(b *storedBlock, err error) {
	if b.damaged.CompareAndSwap(false, true) {
		s.counters.damagedBlocks.Add(1)
		s.cfg.Logger.Error("block cannot be read", slog.String("file", b.path), slog.Any("err", err))
	}
}

// partRows are rows of which only a part is read until the rest is wanted. They
// are closed in the end.
type partRows struct {
	rows
	store *Store
	block *storedBlock // nil for those of a head, which are whole
	file  *block.File
	count int

	left   []expr   // what is to be asked of the entries of each shape, nil without shapes
	states []state  // nil: each row is to be asked what is left of the query
	places []int    // messages that are read, ascending
	texts  []string // each of them
}

// state is what is known of a row.
type state uint8

const (
	stateOut state = iota // it does not match
	stateAsk              // it may
	stateIn               // it does
)

// openRows reads a part of a source's columns, and of its messages those that
// may match what is left to ask, if the query or the part needs them.
func (s *Store) openRows(src *source, part block.Part, left expr) (*partRows, error) {
	r := &partRows{rows: rows{columns: src.columns}, store: s, block: src.block}
	if src.block == nil {
		r.count = len(src.columns.Seq)
		return r, nil
	}
	r.columns, r.count = &block.Columns{}, src.block.header.Entries
	var err error
	if r.file, err = s.codec.OpenFile(src.block.path, &src.block.header); err == nil {
		err = r.read(part, left)
	}
	if err != nil {
		r.close()
		return nil, r.failed(err)
	}
	return r, nil
}

func (r *partRows) close() {
	if r.file != nil {
		_ = r.file.Close() // it was only read
		r.file = nil
	}
}

func (r *partRows) read(part block.Part, left expr) error {
	asked := needs(left)
	// Who wants the messages themselves gets all of them.
	shaped := asked&block.PartMessage != 0 && part&block.PartMessage == 0
	if r.block.damaged.Load() {
		// Of a damaged block every part is wanted: what a search cannot show is not
		// counted.
		part, shaped = block.PartAll, false
	}
	if shaped {
		shapes, err := r.file.Shapes()
		if err != nil {
			return err
		}
		if shapes != nil { // a block of format 1 has none
			return r.ask(left, part, shapes)
		}
	}
	if err := r.file.Read(r.columns, part|asked); err != nil {
		return err
	}
	if x, ok := left.(severityExpr); ok {
		r.states = make([]state, r.count)
		for i, severity := range r.columns.Severity {
			r.states[i] = stateIn * state(x.mask>>severity&1)
		}
	}
	return nil
}

// ask asks the shapes and the values, and then reads of the part what is still
// needed.
func (r *partRows) ask(left expr, part block.Part, shapes *block.Shapes) error {
	r.left = make([]expr, len(shapes.Texts))
	known := make([]state, len(shapes.Texts))
	possible, needed := false, block.Part(0)
	for i, text := range shapes.Texts {
		r.left[i] = reduceShape(left, text)
		switch r.left[i].(type) {
		case noneExpr:
			continue
		case nil:
			known[i] = stateIn
		default:
			known[i] = stateAsk
		}
		possible = true
		needed |= needs(r.left[i])
	}
	if !possible {
		r.count = 0
		return nil
	}
	shapes, err := r.file.ShapesOf()
	if err != nil {
		return err
	}
	r.columns.Shapes = shapes
	r.states = make([]state, r.count)
	for i, of := range shapes.Of {
		r.states[i] = known[of]
	}
	if needed&block.PartMessage != 0 {
		if err := r.askValues(); err != nil {
			return err
		}
		if len(r.texts) == 0 {
			needed &^= block.PartMessage
		}
	}
	return r.file.Read(r.columns, part|needed&^block.PartMessage)
}

// askValues asks the values of the shapes that did not answer, and reads the
// messages that have to be looked at.
func (r *partRows) askValues() error {
	messages, err := r.file.Messages()
	if err != nil {
		return err
	}
	shapes := r.columns.Shapes
	looked := make([]bool, len(r.left)) // at messages of the shape
	for i, x := range r.left {
		if needs(x)&block.PartMessage == 0 {
			continue
		}
		rows := messages.Rows(i)
		asked := shapeRows{messages: messages, shape: i, text: shapes.Texts[i], count: len(rows)}
		a := asked.ask(x)
		looked[i] = a == nil || !a.none
		for k, row := range rows {
			r.states[row] = a.state(k)
		}
	}
	var places []int
	for i, s := range r.states {
		if s == stateAsk && looked[shapes.Of[i]] {
			places = append(places, i)
		}
	}
	r.places = places
	r.texts, err = messages.Texts(places)
	return err
}

func (r *partRows) failed(err error) error {
	r.store.reportBlock(r.block, err)
	return err
}

func (r *partRows) len() int { return r.count }

// at is like that of rows, with the message if it is read.
func (r *partRows) at(i int) *Entry {
	e := r.rows.at(i)
	if r.texts != nil {
		e.Message, _ = r.text(i)
	}
	return e
}

// text returns the message of a row, if it is read.
func (r *partRows) text(i int) (text string, ok bool) {
	if r.columns.Message != nil {
		return r.columns.Message[i], true
	}
	at, ok := slices.BinarySearch(r.places, i)
	if ok {
		text = r.texts[at]
	}
	return text, ok
}

// matches tells whether row i matches what is left to ask of the source.
func (r *partRows) matches(i int, left expr) bool {
	if r.states != nil {
		switch r.states[i] {
		case stateOut:
			return false
		case stateIn:
			return true
		}
		left = r.left[r.columns.Shapes.Of[i]]
	}
	switch x := left.(type) { // an entry is made only of what needs one
	case nil:
		return true
	case noneExpr:
		return false
	case severityExpr:
		return x.mask>>r.severity(i)&1 != 0
	}
	return left.match(r.at(i))
}

// eachWhole calls yield with the entries at some places, in their order and with
// all fields, until it says no. It tells whether it did not.
func (r *partRows) eachWhole(places []int, yield func(*Entry) bool) (more bool) {
	ascending := slices.Clone(places)
	slices.Sort(ascending)
	found, place := &r.rows, func(i int) int { return places[i] }
	if r.block != nil {
		columns, err := r.readWhole(ascending)
		if err != nil {
			return false // it is reported
		}
		found = &rows{columns: columns}
		place = func(i int) int {
			at, _ := slices.BinarySearch(ascending, places[i])
			return at
		}
	}
	for i := range places {
		if !yield(found.at(place(i))) {
			return false
		}
	}
	return true
}

// readWhole reads all columns of the entries at some places.
func (r *partRows) readWhole(places []int) (*block.Columns, error) {
	columns, err := r.file.Rows(places)
	if err == nil {
		columns.Message, err = r.messagesAt(places)
	}
	if err != nil {
		return nil, r.failed(err)
	}
	return columns, nil
}

func (r *partRows) messagesAt(places []int) ([]string, error) {
	texts := make([]string, len(places))
	for i, at := range places {
		text, ok := r.text(at)
		if !ok {
			messages, err := r.file.Messages()
			if err != nil {
				return nil, err
			}
			return messages.Texts(places)
		}
		texts[i] = text
	}
	return texts, nil
}
