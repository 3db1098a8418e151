package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/file"
	"github.com/tagtail/tagtail/ingest/redact"
)

// ImportSink keeps entries under their own times, each batch with the state that
// comes with it or not at all.
type ImportSink interface {
	Import(ctx context.Context, batch index.ImportBatch) (index.ImportResult, error)
	Imports() ([]index.ImportState, error)
}

// ErrImportOffset tells that a part of a file does not begin where the one before
// has ended.
var ErrImportOffset = errors.New("the part does not begin where the import is")

// Importer reads files that were written before, part by part.
type Importer struct {
	sink     ImportSink
	identify *Identifier
	redact   *redact.Set
	files    []FileInput
	maxBytes int

	mu     sync.Mutex // one part at a time
	states map[string]file.PastState
}

// NewImporter returns one for a store that nothing else writes to.
func NewImporter(cfg Config, sink ImportSink) (*Importer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	id, err := NewIdentifier(&cfg)
	if err != nil {
		return nil, err
	}
	return &Importer{sink: sink, identify: id, redact: cfg.Redact, files: cfg.Files, maxBytes: cfg.MaxMessageBytes}, nil
}

// Importer returns one that knows the instances that the Receiver does. cfg is what
// the Receiver was made of.
func (r *Receiver) Importer(cfg Config, sink ImportSink) (*Importer, error) {
	im, err := NewImporter(cfg, sink)
	if err == nil {
		im.identify = r.identify
	}
	return im, err
}

// ImportPart is a part of a file, and how it is to be read.
type ImportPart struct {
	// ID names the import: digits and small letters.
	ID string
	// Offset is where Data begins in the file, uncompressed; Last tells that the
	// file ends with it.
	Offset int64
	Data   []byte
	Last   bool

	// Path is absolute. Instance is whose the file is, As a pattern of paths that
	// says so; both may be empty.
	Path     string
	Instance string
	As       string
	Format   file.PastFormat
	// Year is that of the first date without one, 0 if End tells it. Location is
	// the zone of dates that name none.
	Year     int
	Location *time.Location
	// End is when the file was written to last.
	End      time.Time
	Hostname string
	// Before leaves out what is of this time or later; zero leaves out nothing.
	Before time.Time
}

// Validate says in one sentence what is wrong.
func (p *ImportPart) Validate() error {
	if !strings.HasPrefix(p.Path, "/") {
		return fmt.Errorf("the path %q is not absolute", p.Path)
	}
	if p.Format != "" && !slices.Contains(file.PastFormats, p.Format) {
		return fmt.Errorf("the format %q is not known: give one of %v", p.Format, file.PastFormats)
	}
	if p.Instance != "" && !isInstanceName(p.Instance) {
		return fmt.Errorf("%q is no instance: write it as SERVICE/OWNER, such as socketserver/dev1", p.Instance)
	}
	if p.Instance != "" && p.As != "" {
		return errors.New("either an instance or a pattern says whose the file is: leave one out")
	}
	if p.As != "" {
		in := FileInput{Pattern: p.As}
		c := file.Config{Inputs: []FileInput{in}, StatePath: "/"}
		if err := c.Validate(); err != nil {
			return err
		}
		if !file.Matches(&in, p.Path) {
			return fmt.Errorf("%s does not fit %s: name its instance, or write a pattern that fits", p.Path, p.As)
		}
	}
	if p.Year != 0 && (p.Year < 1970 || p.Year > 2200) {
		return fmt.Errorf("the year %d is none that logs are of", p.Year)
	}
	return nil
}

// ImportProgress is how far the import of a file has come.
type ImportProgress struct {
	ID string `json:"id"`
	file.PastState
	// Part is what became of this part.
	Part index.ImportResult `json:"part"`
	// Instances are how many entries of the part each has.
	Instances map[string]int `json:"instances,omitempty"`
}

// States lists what was imported, by ID.
func (im *Importer) States() ([]ImportProgress, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if err := im.load(); err != nil {
		return nil, err
	}
	list := make([]ImportProgress, 0, len(im.states))
	for id, state := range im.states {
		list = append(list, ImportProgress{ID: id, PastState: state})
	}
	slices.SortFunc(list, func(a, b ImportProgress) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// load reads what was imported, once.
func (im *Importer) load() error {
	if im.states != nil {
		return nil
	}
	kept, err := im.sink.Imports()
	if err != nil {
		return err
	}
	states := make(map[string]file.PastState, len(kept))
	for _, k := range kept {
		var state file.PastState
		if err := json.Unmarshal(k.State, &state); err != nil {
			return fmt.Errorf("read the state of import %s: %w", k.ID, err)
		}
		states[k.ID] = state
	}
	im.states = states
	return nil
}

// Import reads a part, and returns when what is whole of it is kept. The next part
// begins at the Offset that it returns.
func (im *Importer) Import(ctx context.Context, part *ImportPart) (ImportProgress, error) {
	if err := part.Validate(); err != nil {
		return ImportProgress{}, err
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if err := im.load(); err != nil {
		return ImportProgress{}, err
	}
	past := im.past(part)
	past.State = im.states[part.ID]
	if past.State.Offset != part.Offset {
		return ImportProgress{}, fmt.Errorf("%w: it is at %d, and the part at %d", ErrImportOffset, past.State.Offset, part.Offset)
	}
	if err := past.Open(); err != nil {
		return ImportProgress{}, err
	}
	p := ImportProgress{ID: part.ID, Instances: make(map[string]int)}
	entries := past.Read(part.Data, part.Last)
	for i := range entries {
		p.Instances[entries[i].Instance]++
	}
	if past.State.Offset == part.Offset {
		p.PastState = past.State
		return p, nil
	}
	result, err := im.keep(ctx, part, past, entries)
	if err != nil {
		return ImportProgress{}, err
	}
	im.states[part.ID] = past.State
	p.Part, p.PastState = result, past.State
	return p, nil
}

// keep gives the entries to the sink, with the state behind them.
func (im *Importer) keep(ctx context.Context, part *ImportPart, past *file.Past, entries []index.Entry) (index.ImportResult, error) {
	s := &past.State
	s.Updated = time.Now().UTC().Round(0)
	return im.sink.Import(ctx, index.ImportBatch{ID: part.ID, Entries: entries, State: func(r index.ImportResult) (json.RawMessage, error) {
		s.Entries += int64(r.Kept)
		s.TooOld += int64(r.TooOld)
		if !r.First.IsZero() && (s.From.IsZero() || r.First.Before(s.From)) {
			s.From = r.First
		}
		if r.Last.After(s.To) {
			s.To = r.Last
		}
		return json.Marshal(s)
	}})
}

// past is what reads the part.
func (im *Importer) past(part *ImportPart) *file.Past {
	nothing := new(Evidence)
	in := FileInput{Pattern: part.As, Instance: part.Instance}
	if part.As == "" && part.Instance == "" {
		for i := range im.files {
			if file.Matches(&im.files[i], part.Path) {
				in = im.files[i]
				break
			}
		}
	}
	if part.Location != nil {
		in.Location = part.Location
	}
	return &file.Past{
		Input: in, Path: part.Path, Guess: im.identify.ofPath(part.Path), Format: part.Format, Year: part.Year, End: part.End, Before: part.Before,
		MaxMessageBytes: im.maxBytes, Hostname: part.Hostname,
		Identify: func(e *index.Entry) { im.identify.Identify(e, nothing) }, Redact: im.redact.Apply,
	}
}

// ofPath is the instance that a path is of, as far as its words tell: the only one
// whose service and owner are among them, else the only one of an owner.
func (id *Identifier) ofPath(path string) string {
	words := make(map[string]bool)
	for _, part := range strings.Split(path, "/") {
		words[part] = true
		for _, word := range strings.FieldsFunc(part, func(r rune) bool { return r == '.' || r == '_' || r == '-' }) {
			words[word] = true
		}
	}
	both, owned := []string(nil), []string(nil)
	for name := range id.known.Load().names {
		service, owner := index.SplitInstance(name)
		if !words[owner] {
			continue
		}
		if owned = append(owned, name); words[service] {
			both = append(both, name)
		}
	}
	switch {
	case len(both) == 1:
		return both[0]
	case len(both) == 0 && len(owned) == 1:
		return owned[0]
	}
	return ""
}
