package blockindex

import bleve "github.com/blevesearch/bleve_index_api"

const fieldName = "w"

// Word is a distinct word of a block.
type Word struct {
	Text string
	// Lines is how many lines of the block contain it.
	Lines int
}

// field is the only field of a block's document. It implements bleve's
// document.Field with frequencies that are already known.
type field struct {
	frequencies bleve.TokenFrequencies
	length      int
}

func newField(words []Word) *field {
	f := &field{frequencies: make(bleve.TokenFrequencies, len(words)), length: len(words)}
	all := make([]bleve.TokenFreq, len(words))
	for i, w := range words {
		all[i].Term = []byte(w.Text)
		all[i].SetFrequency(w.Lines)
		f.frequencies[w.Text] = &all[i]
	}
	return f
}

func (f *field) Name() string                                     { return fieldName }
func (f *field) ArrayPositions() []uint64                         { return nil }
func (f *field) Options() bleve.FieldIndexingOptions              { return bleve.IndexField }
func (f *field) Analyze()                                         {}
func (f *field) Value() []byte                                    { return nil }
func (f *field) NumPlainTextBytes() uint64                        { return 0 }
func (f *field) Size() int                                        { return f.frequencies.Size() }
func (f *field) EncodedFieldType() byte                           { return 't' }
func (f *field) AnalyzedLength() int                              { return f.length }
func (f *field) AnalyzedTokenFrequencies() bleve.TokenFrequencies { return f.frequencies }
