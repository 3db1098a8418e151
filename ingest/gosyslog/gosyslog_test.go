package gosyslog

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	gosyslog "gopkg.in/mcuadros/go-syslog.v2"
	"gopkg.in/mcuadros/go-syslog.v2/format"

	"github.com/tagtail/tagtail/ingest/syslog"
)

var _ gosyslog.Handler = (*Handler)(nil)

// streams are the TCP cases of the parser.
func streams(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../syslog/testdata/syslog_cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(data)) {
		var c struct{ Name, Transport, Raw string }
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.Transport == "tcp" {
			found[c.Name] = c.Raw
		}
	}
	if len(found) < 20 {
		t.Fatalf("got %d streams", len(found))
	}
	return found
}

func TestScannerFindsTheFramesThatOurReaderFinds(t *testing.T) {
	all := streams(t)
	all["long line"] = strings.Repeat("x", 70_000) + "\n<1>next\n"
	all["negative count"] = "-5 x\n9223372036854775807 x\n"
	for name, text := range all {
		t.Run(name, func(t *testing.T) {
			want := readerFrames(t, text)
			f := &Format{}
			for _, reader := range []*bufio.Scanner{
				bufio.NewScanner(strings.NewReader(text)),
				bufio.NewScanner(iotest.OneByteReader(strings.NewReader(text))),
			} {
				reader.Split(f.GetSplitFunc())
				var got []string
				for reader.Scan() {
					got = append(got, reader.Text())
				}
				if err := reader.Err(); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func readerFrames(t *testing.T, text string) []string {
	t.Helper()
	r := syslog.NewReader(syslog.Framing{MaxBytes: maxTokenBytes})
	var frames []string
	drain := func() {
		for f, ok := r.Next(); ok; f, ok = r.Next() {
			frames = append(frames, string(f.Bytes))
		}
	}
	for src := strings.NewReader(text); src.Len() > 0; drain() {
		if err := r.Fill(src); err != nil {
			t.Fatal(err)
		}
	}
	r.End()
	drain()
	return frames
}

func TestTheParserHoldsACopyOfTheFrame(t *testing.T) {
	frame := []byte("<13>")
	p := (&Format{Datagrams: true}).GetParser(frame)
	copy(frame, "xxxx")
	if err := p.Parse(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(format.LogParts{"raw": "<13>"}, p.Dump()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestADatagramIsNotSplit(t *testing.T) {
	if (&Format{Datagrams: true}).GetSplitFunc() != nil {
		t.Error("got a split function")
	}
}

func TestTheHandlerPassesOnOnlyFramesOfThisFormat(t *testing.T) {
	var got []string
	h := &Handler{Take: func(raw, client, tlsPeer string) { got = append(got, fmt.Sprint(raw, " ", client, " ", tlsPeer)) }}
	h.Handle(format.LogParts{"raw": "<13>x", "client": "192.0.2.7:1", "tls_peer": "dev1"}, 5, nil)
	h.Handle(format.LogParts{"content": "x"}, 5, nil)
	if diff := cmp.Diff([]string{"<13>x 192.0.2.7:1 dev1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
