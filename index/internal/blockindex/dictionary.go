package blockindex

import (
	"errors"
	"strings"
	"sync"

	bleve "github.com/blevesearch/bleve_index_api"
)

// dictionaryWords is how many words are kept in memory: bleve's own dictionary,
// segment by segment, takes milliseconds to go through. A day of blocks seldom
// has more than some thousands.
const dictionaryWords = 16 << 10

// dictionary is the words that an index had when it was last asked for them, and
// perhaps some of blocks that are gone. The zero value knows nothing.
type dictionary struct {
	mu    sync.Mutex
	known bool
	words []string // in order
	age   uint64   // how often there may have been more
}

// forget is called when there may be more words.
func (d *dictionary) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known, d.words = false, nil
	d.age++
}

// now is the age that put wants: that before the words were read.
func (d *dictionary) now() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.age
}

// get returns the words, if they are known.
func (d *dictionary) get() (words []string, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.words, d.known
}

// put keeps words that were read at an age, unless there may be more by now.
func (d *dictionary) put(words []string, age uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.age == age && len(words) <= dictionaryWords {
		d.known, d.words = true, words
	}
}

// ReadDictionary reads all words into memory, if they are not too many: the next
// who asks for parts of words need not wait for it.
func (x *Index) ReadDictionary() error {
	age := x.dictionary.now()
	return x.read(func(r bleve.IndexReader) error {
		if _, known := x.dictionary.get(); known {
			return nil
		}
		_, err := x.readDictionary(r, age, func(string) bool { return false })
		return err
	})
}

// termsWith lists the words of the dictionary that text is part of. age is that
// from before r was opened.
func (x *Index) termsWith(r bleve.IndexReader, age uint64, text string, start, end bool) (terms []string, err error) {
	is := func(word string) bool {
		switch {
		case start:
			return strings.HasPrefix(word, text)
		case end:
			return strings.HasSuffix(word, text)
		}
		return strings.Contains(word, text)
	}
	words, known := x.dictionary.get()
	if !known {
		if start {
			dict, err := r.FieldDictPrefix(fieldName, []byte(text))
			if err != nil {
				return nil, err
			}
			terms, _, err = readTerms(dict, is)
			return terms, err
		}
		return x.readDictionary(r, age, is)
	}
	for _, word := range words {
		if is(word) {
			if len(terms) == MaxTerms {
				return nil, ErrTooMany
			}
			terms = append(terms, word)
		}
	}
	return terms, nil
}

// readDictionary keeps all words, and lists those that are asked for.
func (x *Index) readDictionary(r bleve.IndexReader, age uint64, is func(string) bool) ([]string, error) {
	dict, err := r.FieldDict(fieldName)
	if err != nil {
		return nil, err
	}
	terms, words, err := readTerms(dict, is)
	if err == nil {
		x.dictionary.put(words, age)
	}
	return terms, err
}

// readTerms lists the words that are asked for, and all, of which those past
// dictionaryWords are of no use.
func readTerms(dict bleve.FieldDict, is func(string) bool) (terms, all []string, err error) {
	defer func() { err = errors.Join(err, dict.Close()) }()
	for {
		entry, err := dict.Next()
		if err != nil || entry == nil {
			return terms, all, err
		}
		if len(all) <= dictionaryWords {
			all = append(all, entry.Term)
		}
		if !is(entry.Term) {
			continue
		}
		if len(terms) == MaxTerms {
			return nil, nil, ErrTooMany
		}
		terms = append(terms, entry.Term)
	}
}
