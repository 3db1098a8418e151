package index

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"github.com/tagtail/tagtail/index/internal/block"
)

// load reads a block. The first error is reported; after that the block counts
// as damaged.
func (s *Store) load(b *storedBlock) (*block.Columns, error) {
	s.moving.RLock()
	if b = b.now(); b == nil {
		s.moving.RUnlock()
		return &block.Columns{}, nil
	}
	file, err := os.ReadFile(b.path)
	s.moving.RUnlock()
	if err == nil {
		var columns *block.Columns
		if columns, err = s.codec.Decode(file); err == nil {
			return columns, nil
		}
	}
	s.reportBlock(b, err)
	return nil, err
}

// now is the block itself, or what a purge has left of it, which may be nothing.
func (b *storedBlock) now() *storedBlock {
	for b != nil {
		m := b.moved.Load()
		if m == nil {
			break
		}
		b = m.to
	}
	return b
}

// reportBlock tells of a block that cannot be read. Only what is wrong with its
// file makes it a damaged one: that there are too many open files passes.
func (s *Store) reportBlock(b *storedBlock, err error) {
	if passes(err) {
		if s.blockReport.allow(s.cfg.now()) {
			s.cfg.Logger.Error("block cannot be read now", slog.String("file", b.path), slog.Any("err", err))
		}
		return
	}
	if b.damaged.CompareAndSwap(false, true) {
		s.counters.damagedBlocks.Add(1)
		s.cfg.Logger.Error("block cannot be read", slog.String("file", b.path), slog.Any("err", err))
	}
}

// passes tells whether an error says nothing of what is in a block's file.
func passes(err error) bool {
	return err != nil && !errors.Is(err, block.ErrDamaged) && !errors.Is(err, fs.ErrNotExist)
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
	shapes []state  // what is known of the rows of each shape, but for what states tell
	states []state  // of each row; nil: what its shape says, or what is left of the query
	places []int    // messages that are read, ascending
	texts  []string // each of them
	err    error    // why the rest could not be read
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
	s.moving.RLock()
	if r.block = src.block.now(); r.block == nil {
		s.moving.RUnlock()
		r.columns = &block.Columns{}
		return r, nil
	}
	r.columns, r.count = &block.Columns{}, r.block.header.Entries
	var err error
	r.file, err = s.codec.OpenFile(r.block.path, &r.block.header)
	s.moving.RUnlock()
	if err == nil {
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
	r.shapes = make([]state, len(shapes.Texts))
	for i, text := range shapes.Texts {
		r.left[i] = reduceShape(left, text)
		switch r.left[i].(type) {
		case noneExpr:
		case nil:
			r.shapes[i] = stateIn
		default:
			r.shapes[i] = stateAsk
		}
	}
	var err error
	if r.possible() {
		if r.columns.Shapes, err = r.file.ShapesOf(); err == nil {
			err = r.askValues()
		}
	}
	if err != nil || !r.possible() {
		r.count = 0
		return err
	}
	for i, x := range r.left {
		if r.shapes[i] == stateAsk {
			part |= needs(x)
		}
	}
	return r.file.Read(r.columns, part&^block.PartMessage)
}

// possible tells whether a message of some shape may match.
func (r *partRows) possible() bool {
	return slices.ContainsFunc(r.shapes, func(s state) bool { return s != stateOut })
}

// askValues asks the values of the shapes that did not answer, and reads the
// messages that have to be looked at.
func (r *partRows) askValues() error {
	messages, err := r.file.Messages()
	if err != nil {
		return err
	}
	shapes := r.columns.Shapes
	answers := make(map[int]*answer)
	for i, x := range r.left {
		if r.shapes[i] != stateAsk || needs(x)&block.PartMessage == 0 {
			continue
		}
		asked := shapeRows{messages: messages, shape: i, text: shapes.Texts[i], count: shapes.Messages(i)}
		if a := asked.ask(x); a != nil && a.none {
			r.shapes[i] = stateOut
		} else {
			answers[i] = a
		}
	}
	if len(answers) == 0 {
		return nil
	}
	r.fillStates()
	for i, a := range answers {
		for k, row := range messages.Rows(i) {
			if r.states[row] = a.state(k); r.states[row] == stateAsk {
				r.places = append(r.places, int(row))
			}
		}
	}
	slices.Sort(r.places)
	r.texts, err = messages.Texts(r.places)
	return err
}

// fillStates gives each row what is known of its shape.
func (r *partRows) fillStates() {
	r.states = make([]state, r.count)
	for i, of := range r.columns.Shapes.Of {
		r.states[i] = r.shapes[of]
	}
}

// known is how many rows match, if their shapes know.
func (r *partRows) known() (n uint64, ok bool) {
	if r.shapes == nil || r.states != nil || slices.Contains(r.shapes, stateAsk) {
		return 0, false
	}
	if r.count == 0 {
		return 0, true
	}
	for i, s := range r.shapes {
		if s == stateIn {
			n += uint64(r.columns.Shapes.Messages(i))
		}
	}
	return n, true
}

func (r *partRows) failed(err error) error {
	r.store.reportBlock(r.block, err)
	r.err = err
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

// next is the first row from i on, in steps of 1 or -1, that is not known to be
// out.
func (r *partRows) next(i, step int) int {
	if r.states != nil {
		for i >= 0 && i < len(r.states) && r.states[i] == stateOut {
			i += step
		}
	}
	return i
}

// matches tells whether row i matches what is left to ask of the source.
func (r *partRows) matches(i int, left expr) bool {
	if r.states == nil && r.shapes != nil {
		r.fillStates()
	}
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
