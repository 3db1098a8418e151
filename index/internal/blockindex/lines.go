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
	err := x.read(func(r bleve.IndexReader) (err error) {
		terms := []string{text}
		if !whole {
			terms, err = termsWith(r, text, false, false)
		}
		for _, term := range terms {
			err = errors.Join(err, addLines(r, term, blocks))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return blocks, nil
}

// addLines adds the lines of one word.
func addLines(r bleve.IndexReader, word string, blocks map[string]Lines) (err error) {
	postings, err := r.TermFieldReader(context.Background(), []byte(word), fieldName, true, false, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postings.Close()) }()
	var doc bleve.TermFieldDoc
	for {
		next, err := postings.Next(doc.Reset())
		if err != nil || next == nil {
			return err
		}
		id, err := r.ExternalID(next.ID)
		if err != nil {
			return err
		}
		l := blocks[id]
		l.Words++
		l.Least = max(l.Least, next.Freq)
		l.Most += next.Freq
		blocks[id] = l
	}
}
