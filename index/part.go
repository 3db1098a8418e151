package index

import (
	"log/slog"
	"os"
	"slices"

	"github.com/tagtail/tagtail/index/internal/block"
)

// loadPart reads a part of a block's columns, and returns the file for the
// rest. The first error is reported; after that the block counts as damaged.
func (s *Store) loadPart(b *storedBlock, part block.Part) (*block.Columns, []byte, error) {
	file, err := os.ReadFile(b.path)
	if err == nil {
		var columns *block.Columns
		if columns, err = s.codec.DecodePart(file, part); err == nil {
			return columns, file, nil
		}
	}
	s.reportBlock(b, err)
	return nil, nil, err
}

func (s *Store) reportBlock(b *storedBlock, err error) {
	if b.damaged.CompareAndSwap(false, true) {
		s.counters.damagedBlocks.Add(1)
		s.cfg.Logger.Error("block cannot be read", slog.String("file", b.path), slog.Any("err", err))
	}
}

// partRows are rows of which only a part is read until the rest is wanted.
type partRows struct {
	rows
	store    *Store
	block    *storedBlock // nil for those of a head, which are whole
	part     block.Part   // what is there; of PartMessage only the messages in read
	file     []byte
	messages *block.Messages
	read     []bool // which messages are there; nil if none

	left []expr // what is to be asked of the entries of each shape, nil without shapes
	out  []bool // those that do not match, whatever left says; nil if none
	in   []bool // those that do
}

// openRows reads a part of a source's columns, and of its messages those that
// may match what is left to ask, if the query or the part needs them.
func (s *Store) openRows(src *source, part block.Part, left expr) (*partRows, error) {
	r := &partRows{rows: rows{columns: src.columns}, store: s, block: src.block, part: block.PartAll}
	if src.block == nil {
		return r, nil
	}
	asked := needs(left)
	// Who wants the messages themselves gets all of them.
	shaped := asked&block.PartMessage != 0 && part&block.PartMessage == 0
	part |= asked
	if src.block.damaged.Load() {
		// Of a damaged block every part is wanted: what a search cannot show is not
		// counted.
		part, shaped = block.PartAll, false
	}
	r.part = part
	if shaped {
		r.part = part&^block.PartMessage | block.PartShapes
		if asked == block.PartAll {
			r.part = block.PartShapes // the others if a message may match
		}
	}
	var err error
	if r.columns, r.file, err = s.loadPart(src.block, r.part); err != nil || !shaped {
		return r, err
	}
	return r, r.ask(left, part)
}

// ask asks the shapes and the values, and then reads of the part what is still
// needed.
func (r *partRows) ask(left expr, part block.Part) error {
	shapes := r.columns.Shapes
	if shapes == nil { // a block of format 1
		return r.add(part, nil)
	}
	r.left = make([]expr, len(shapes.Texts))
	possible, needed := false, block.Part(0)
	for i, text := range shapes.Texts {
		r.left[i] = reduceShape(left, text)
		if _, none := r.left[i].(noneExpr); none {
			continue
		}
		possible = true
		needed |= needs(r.left[i])
	}
	if !possible {
		return nil
	}
	var wanted []bool // messages, if some must be looked at
	if needed&block.PartMessage != 0 {
		var err error
		if wanted, err = r.askValues(); err != nil {
			return r.failed(err)
		}
	}
	if !slices.Contains(wanted, true) {
		needed &^= block.PartMessage
	}
	return r.add(part&^block.PartMessage|needed, wanted)
}

// askValues asks the values of the shapes that did not answer, and returns which
// messages have to be looked at.
func (r *partRows) askValues() (wanted []bool, err error) {
	if err = r.openMessages(); err != nil {
		return nil, err
	}
	shapes := r.columns.Shapes
	wanted = make([]bool, r.len())
	r.in, r.out = make([]bool, r.len()), make([]bool, r.len())
	for i, x := range r.left {
		if _, none := x.(noneExpr); none || needs(x)&block.PartMessage == 0 {
			continue
		}
		rows := r.messages.Rows(i)
		asked := shapeRows{messages: r.messages, shape: i, text: shapes.Texts[i], count: len(rows)}
		a := asked.ask(x)
		for k, row := range rows {
			if a == nil {
				wanted[row] = true
				continue
			}
			r.in[row], r.out[row] = a.sure[k], !a.maybe[k]
			wanted[row] = a.maybe[k] && !a.sure[k]
		}
	}
	return wanted, nil
}

func (r *partRows) openMessages() (err error) {
	if r.messages == nil {
		r.messages, err = r.store.codec.OpenMessages(r.columns, r.file)
	}
	return err
}

// add reads what of a part is not there yet, and of the messages those that are
// wanted; nil wants all.
func (r *partRows) add(part block.Part, wanted []bool) error {
	missing := part &^ (r.part | block.PartMessage | block.PartAlways)
	if part&block.PartMessage != 0 && r.columns.Shapes == nil {
		missing |= block.PartShapes // if the block has some
	}
	var err error
	if missing != 0 {
		err = r.store.codec.DecodeMore(r.columns, r.file, missing)
	}
	if err == nil && part&block.PartMessage != 0 {
		err = r.addMessages(wanted)
	}
	if err != nil {
		return r.failed(err)
	}
	r.part |= part
	return nil
}

func (r *partRows) addMessages(wanted []bool) error {
	if err := r.openMessages(); err != nil {
		return err
	}
	if r.read == nil {
		r.read = make([]bool, r.len())
	}
	for i := range r.read {
		r.read[i] = r.read[i] || wanted == nil || wanted[i]
	}
	return r.messages.Add(r.columns, wanted)
}

func (r *partRows) failed(err error) error {
	r.store.reportBlock(r.block, err)
	return err
}

// matches tells whether row i matches what is left to ask of the source.
func (r *partRows) matches(i int, left expr) bool {
	if r.left != nil {
		if r.in != nil && r.in[i] {
			return true
		}
		if r.out != nil && r.out[i] {
			return false
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
	if r.read != nil || r.columns.Message == nil {
		wanted, missing := make([]bool, r.len()), false
		for _, i := range places {
			wanted[i] = r.read == nil || !r.read[i]
			missing = missing || wanted[i]
		}
		if missing {
			if err := r.add(block.PartMessage, wanted); err != nil {
				return nil, err
			}
		}
	}
	columns, err := r.store.codec.DecodeRows(r.file, places)
	if err != nil {
		return nil, r.failed(err)
	}
	for _, i := range places {
		columns.Message = append(columns.Message, r.columns.Message[i])
	}
	return columns, nil
}
