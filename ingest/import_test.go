package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/redact"
)

// memoryImports keeps what an Importer gives it.
type memoryImports struct {
	entries []index.Entry
	states  map[string]json.RawMessage
	err     error
}

func (m *memoryImports) Import(_ context.Context, b index.ImportBatch) (index.ImportResult, error) {
	if m.err != nil {
		return index.ImportResult{}, m.err
	}
	r := index.ImportResult{Kept: len(b.Entries)}
	state, err := b.State(r)
	if err != nil {
		return r, err
	}
	m.entries = append(m.entries, b.Entries...)
	m.states[b.ID] = state
	return r, nil
}

func (m *memoryImports) Imports() (list []index.ImportState, err error) {
	for id, state := range m.states {
		list = append(list, index.ImportState{ID: id, State: state})
	}
	return list, nil
}

func newTestImporter(t *testing.T, cfg Config, sink ImportSink) *Importer {
	t.Helper()
	im, err := NewImporter(cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestOldFilesAreOfTheInstanceThatTheirPathNames(t *testing.T) {
	cfg := Config{
		Instances: []Instance{{Name: "socketserver/dev1"}, {Name: "dtserver/dev1"}, {Name: "socketserver/dev2"}, {Name: "redis/dev2"}, {Name: "web/ann"}},
		Files:     []FileInput{{Pattern: "/opt/{service}/{owner}/*.log"}, {Pattern: "/var/log/special.log", Instance: "redis/dev2"}},
		FileState: "/unused",
	}
	for path, want := range map[string]string{
		"/var/log/hhl-git/dev1.log":            "unassigned", // of one of two
		"/srv/dev1/socketserver/error.log":     "socketserver/dev1",
		"/var/log/dtserver_dev1.access.log.gz": "dtserver/dev1",
		"/var/log/hhl-git/ann.log.2":           "web/ann",
		"/home/anna/x.log":                     "unassigned",
		"/opt/other/dev9/x.log":                "other/dev9",
		"/var/log/special.log":                 "redis/dev2",
	} {
		sink := &memoryImports{states: map[string]json.RawMessage{}}
		im := newTestImporter(t, cfg, sink)
		part := &ImportPart{ID: "a", Path: path, Data: []byte("2026/11/22 08:51:43 [error] 5#5: x\n"), Last: true, End: time.Now()}
		if _, err := im.Import(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		if got := sink.entries[0].Instance; got != want {
			t.Errorf("%s is of %s, want %s", path, got, want)
		}
	}
}

func TestTagOfAnOldLineWinsOverTheWordsOfItsPath(t *testing.T) {
	sink := &memoryImports{states: map[string]json.RawMessage{}}
	set, err := redact.Compile([]redact.Rule{{Name: "secrets", Pattern: `password=\S+`}})
	if err != nil {
		t.Fatal(err)
	}
	im := newTestImporter(t, Config{Instances: []Instance{{Name: "web/dev1"}, {Name: "redis/dev2"}}, Redact: set}, sink)
	part := &ImportPart{
		ID: "a", Path: "/var/log/dev1.log", Last: true, End: time.Now(),
		Data: []byte("Nov 22 08:51:43 box redis_dev2: x\nNov 22 08:51:43 box other: password=hunter2\n"),
	}
	p, err := im.Import(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := sink.entries[0], sink.entries[1]; a.Instance != "redis/dev2" || a.InstanceBy != index.ByContent || b.Instance != "web/dev1" || b.InstanceBy != index.ByFile {
		t.Errorf("instances %s by %s, %s by %s", a.Instance, a.InstanceBy, b.Instance, b.InstanceBy)
	}
	if p.Instances["web/dev1"] != 1 || p.Entries != 2 {
		t.Errorf("progress %+v", p)
	}
	if e := sink.entries[1]; strings.Contains(e.Message, "hunter2") || !e.Flags.Has(index.FlagRedacted) {
		t.Errorf("%q is not redacted", e.Message)
	}
}

func TestPartThatDoesNotFollowIsRefusedAndOneThatFailedIsSentAgain(t *testing.T) {
	sink := &memoryImports{states: map[string]json.RawMessage{}}
	im := newTestImporter(t, Config{}, sink)
	part := ImportPart{ID: "a", Path: "/x.log", Data: []byte("Nov 22 08:51:43 box web_a: x\nNov 22 08:51:44 box web_a: y\n"), End: time.Now()}
	full := errors.New("no space")
	sink.err = full
	if _, err := im.Import(t.Context(), &part); !errors.Is(err, full) {
		t.Fatalf("error %v, want %v", err, full)
	}
	sink.err = nil
	first, err := im.Import(t.Context(), &part)
	if err != nil || first.Entries != 1 || first.Offset != int64(len(part.Data))/2 {
		t.Fatalf("progress %+v, error %v", first, err)
	}
	if _, err := im.Import(t.Context(), &part); !errors.Is(err, ErrImportOffset) {
		t.Errorf("error %v, want %v", err, ErrImportOffset)
	}
	again := newTestImporter(t, Config{}, sink) // after a start
	part.Offset, part.Data, part.Last = first.Offset, part.Data[first.Offset:], true
	if done, err := again.Import(t.Context(), &part); err != nil || done.Entries != 2 || len(sink.entries) != 2 {
		t.Errorf("progress %+v, error %v, %d entries", done, err, len(sink.entries))
	}
}
