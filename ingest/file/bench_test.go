package file

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tagtail/tagtail/index"
)

// discard is a Sink that counts.
type discard int

func (d *discard) Append(entries []index.Entry) error {
	*d += discard(len(entries))
	return nil
}

// BenchmarkFollow reads a debug log of nginx; an op is a line.
func BenchmarkFollow(b *testing.B) {
	const line = "2026/11/22 08:51:43 [debug] 16876#16876: *1 http process request header line\n"
	name := filepath.Join(b.TempDir(), "error.log")
	if err := os.WriteFile(name, bytes.Repeat([]byte(line), b.N), 0o600); err != nil {
		b.Fatal(err)
	}
	var sink discard
	f, err := newFollower(Config{
		Inputs:    []Input{{Pattern: name, Instance: "socketserver/dev1"}},
		StatePath: filepath.Join(b.TempDir(), "positions"),
	}, &sink)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	b.ResetTimer()
	for int(sink) < b.N-1 { // the last waits
		f.step(context.Background())
	}
	b.StopTimer()
	if err := f.release(); err != nil {
		b.Fatal(err)
	}
}
