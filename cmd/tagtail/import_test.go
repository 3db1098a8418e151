package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest"
)

// memoryImporting is an importer that keeps its entries in memory.
type memoryImporting struct {
	*localImporting
	sink *memorySink
}

type memorySink struct {
	entries []index.Entry
	kept    map[string]index.ImportState
}

func (m *memorySink) Imports() (list []index.ImportState, err error) {
	for _, s := range m.kept {
		list = append(list, s)
	}
	return list, nil
}

func (m *memorySink) Import(_ context.Context, b index.ImportBatch) (index.ImportResult, error) {
	r := index.ImportResult{Kept: len(b.Entries)}
	state, err := b.State(r)
	if err != nil {
		return r, err
	}
	m.entries = append(m.entries, b.Entries...)
	m.kept[b.ID] = index.ImportState{ID: b.ID, State: state}
	return r, nil
}

func newMemoryImporting(t *testing.T) *memoryImporting {
	t.Helper()
	sink := &memorySink{kept: map[string]index.ImportState{}}
	im, err := ingest.NewImporter(ingest.Config{}, sink)
	if err != nil {
		t.Fatal(err)
	}
	return &memoryImporting{&localImporting{importer: im, closed: func() error { return nil }}, sink}
}

func importAll(t *testing.T, to importing, part int, flags importFlags, names ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	if flags.format == "" {
		flags.format, flags.zone = "auto", "UTC"
	}
	x := &importRun{flags: flags, to: to, std: streams{Out: &out, Err: &out}, bar: &progressBar{}, part: part}
	err := x.files(t.Context(), names)
	return out.String(), err
}

func writeLines(t *testing.T, name string, from, to int) string {
	t.Helper()
	var b bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "2025-02-03T%02d:%02d:%02dZ box web_dev%d: line %d\n", i/3600, i/60%60, i%60, i%3, i)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func pack(t *testing.T, name string) (gz, zst string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	gz, zst = name+".gz", name+".zst"
	for to, data := range map[string][]byte{gz: zipped.Bytes(), zst: encoder.EncodeAll(text, nil)} {
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return gz, zst
}

// A file is what is in it: 200 KB, so that more than its head is compared.
func TestFileIsImportedOnceUnderWhateverNameAndPacking(t *testing.T) {
	dir := t.TempDir()
	log := writeLines(t, filepath.Join(dir, "access.log"), 0, 4000)
	to := newMemoryImporting(t)
	step := func(want int, says string, flags importFlags, name string) {
		t.Helper()
		out, err := importAll(t, to, 10_000, flags, name)
		if err != nil || len(to.sink.entries) != want || !strings.Contains(out, says) {
			t.Fatalf("%s: %d entries, want %d; it says %q, error %v", name, len(to.sink.entries), want, out, err)
		}
	}
	step(4000, "4000 entries", importFlags{}, log)
	step(4000, "nothing new", importFlags{}, log)
	gz, zst := pack(t, log)
	step(4000, "nothing new", importFlags{}, gz)
	step(4000, "nothing new", importFlags{}, zst)
	older := filepath.Join(dir, "older.log")
	writeLines(t, older, 0, 3000)
	step(4000, "older.log: nothing is imported, because it begins like "+log, importFlags{}, older) // an earlier copy
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	step(4000, "nothing new", importFlags{}, log+".1")
	writeLines(t, log+".1", 4000, 4100)
	gz, zst = pack(t, log+".1")
	step(4100, "100 entries", importFlags{}, zst)
	step(4100, "nothing new", importFlags{}, gz)
	other := filepath.Join(dir, "other.log")
	writeLines(t, other, 0, 2000)
	writeLines(t, other, 5000, 7500) // it begins alike
	step(8600, "4500 entries", importFlags{}, other)
	step(8600, "nothing new", importFlags{}, other)
	step(12700, "4100 entries", importFlags{again: true}, gz)
	small := filepath.Join(dir, "small.log")
	writeLines(t, small, 9000, 9001)
	step(12701, "1 entries", importFlags{}, small)
	writeLines(t, small, 9001, 9003)
	step(12703, "2 entries", importFlags{}, small)
	empty := filepath.Join(dir, "empty.log")
	writeLines(t, empty, 0, 0)
	step(12703, "0 entries", importFlags{}, empty)
	text, err := os.ReadFile(gz)
	if err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(dir, "torn.log.gz")
	if err := os.WriteFile(torn, text[:len(text)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := importAll(t, newMemoryImporting(t), 10_000, importFlags{}, torn); err == nil || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("a torn file: %q, %v", out, err)
	}
}

// killing kills the server when some parts were sent: in the middle of one, or
// right behind it, as it comes.
type killing struct {
	importing
	left   int
	server *testServer
}

func (k *killing) send(ctx context.Context, part *ingest.ImportPart) (ingest.ImportProgress, error) {
	if k.left--; k.left == 0 {
		go k.server.kill()
	}
	return k.importing.send(ctx, part)
}

func TestServerThatIsKilledInAnImportLosesNothingAndRepeatsNothing(t *testing.T) {
	dir := t.TempDir()
	log, err := filepath.Abs(writeLines(t, filepath.Join(dir, "access.log"), 0, 20_000))
	if err != nil {
		t.Fatal(err)
	}
	const part = 40_000 // of a megabyte
	opts := serverOptions{dir: dir, args: []string{"--keep", "0"}}
	done := false
	for round := 0; !done; round++ {
		server, at := startServer(t, opts)
		to := &killing{importing: &remoteImporting{client: testClient(t, at)}, left: 3 + round, server: server}
		if _, err := importAll(t, to, part, importFlags{}, log); err == nil {
			done = true
		} else if !strings.Contains(err.Error(), "the same command goes on from there") {
			t.Fatal(err)
		}
		server.kill()
		if round > 20 {
			t.Fatal("it comes to no end")
		}
	}
	server, at := startServer(t, opts)
	defer server.kill()
	c := testClient(t, at)
	to := &remoteImporting{client: c}
	if out, err := importAll(t, to, part, importFlags{}, log); err != nil || !strings.Contains(out, "nothing new") {
		t.Errorf("once more: %q, %v", out, err)
	}
	var text bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.copyTo(ctx, &text, c.api("export", map[string][]string{"q": {"app:web_*"}, "format": {"ndjson"}})); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	if len(lines) != 20_000 {
		t.Fatalf("%d entries, want 20000", len(lines))
	}
	for i, line := range lines {
		if want := fmt.Sprintf(`"message":"line %d"}`, i); !strings.HasSuffix(line, want) {
			t.Fatalf("entry %d is %s, want %s", i, line, want)
		}
	}
}

func TestPartThatTheServerDoesNotTakeEndsTheImport(t *testing.T) {
	log := writeLines(t, filepath.Join(t.TempDir(), "x.log"), 0, 10)
	to := newMemoryImporting(t)
	if _, err := importAll(t, stuck{to}, 1000, importFlags{}, log); err == nil || !strings.Contains(err.Error(), "its version may be another") {
		t.Errorf("error %v", err)
	}
	if _, err := importAll(t, to, 1000, importFlags{}, filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// stuck never comes further.
type stuck struct{ importing }

func (s stuck) send(context.Context, *ingest.ImportPart) (ingest.ImportProgress, error) {
	return ingest.ImportProgress{}, nil
}

// Who follows sees what arrives next, and the note of who has imported, and none
// of twenty thousand old lines.
func TestTailsShowNothingOfAnImport(t *testing.T) {
	dir := t.TempDir()
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--keep", "0"}})
	defer server.kill()
	c := testClient(t, at)
	conn, err := c.dial(t.Context(), c.api("tail", map[string][]string{"last": {"0"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	log := writeLines(t, filepath.Join(dir, "access.log"), 0, 20_000)
	if _, err := importAll(t, &remoteImporting{client: c}, importPart, importFlags{}, log); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		var frame struct {
			Type    string
			Entries []index.Entry
		}
		if err := conn.ReadJSON(&frame); err != nil {
			t.Fatal(err)
		}
		for i := range frame.Entries {
			e := &frame.Entries[i]
			if index.Imported(e.Seq) || strings.HasPrefix(e.Message, "line ") {
				t.Fatalf("a tail shows %+v", e)
			}
			if e.MsgID == "IMPORT" {
				return
			}
		}
		if frame.Type == "dropped" {
			t.Fatal("a tail was told of a gap")
		}
	}
}
