package blockindex

import (
	"context"
	"errors"

	bleve "github.com/blevesearch/bleve_index_api"
)

// Lines says how many lines of a block have a text inside of a word.
type Lines struct {
	// Words is how many words of the block have the text inside of them.
	Words int
	// Least and Most bound the lines. They are the same if Words is 1: a line
	// may hold several words.
	Least, Most uint64
}

// Lines returns what it knows of each block with a word that has text in it;
// whole asks for that very word. It says nothing of the words that a block has
// not in the index.
func (x *Index) Lines(text string, whole bool) (map[string]Lines, error) {
	blocks := make(map[string]Lines)
	age := x.dictionary.now()
	add := func(id string, lines uint64) {
		l := blocks[id]
		l.Words++
		l.Least = max(l.Least, lines)
		l.Most += lines
		blocks[id] = l
	}
	err := x.read(func(r bleve.IndexReader) (err error) {
		terms := []string{text}
		if !whole {
			terms, err = x.termsWith(r, age, text, false, false)
		}
		for _, term := range terms {
			err = errors.Join(err, eachBlock(context.Background(), r, term, true, add))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return blocks, nil
}
