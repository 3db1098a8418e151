package ingest

import (
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// wireCase is what a case of the parser sends, and whether as a stream.
type wireCase struct {
	name, data string
	stream     bool
}

func loadWireCases(t *testing.T) []wireCase {
	t.Helper()
	text, err := os.ReadFile("syslog/testdata/syslog_cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var cases []wireCase
	for line := range strings.Lines(string(text)) {
		var c struct {
			Name, Transport, Raw string
			RawB64               []byte `json:"raw_b64"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.RawB64 != nil {
			c.Raw = string(c.RawB64)
		}
		cases = append(cases, wireCase{c.Name, c.Raw, c.Transport == "tcp"})
	}
	return cases
}

// parsed gives the entries of a case without any socket.
func parsed(t *testing.T, c wireCase, opts syslog.Options) []index.Entry {
	t.Helper()
	sink := newFakeSink()
	f := newFeed(&input{
		opts: opts, maxBytes: syslog.DefaultMaxBytes, sink: sink,
		identify: identifier(t), now: time.Now, log: slog.New(slog.DiscardHandler),
	})
	if !c.stream {
		f.add([]byte(c.data), f.clock(), new(peer), 0)
		f.flush()
		return sink.entries
	}
	r := syslog.NewReader(syslog.Framing{})
	for src := strings.NewReader(c.data); src.Len() > 0; {
		if err := r.Fill(src); err != nil {
			t.Fatal(err)
		}
		for frame, ok := r.Next(); ok; frame, ok = r.Next() {
			f.add(frame.Bytes, f.clock(), new(peer), frame.Flags)
		}
	}
	r.End()
	for frame, ok := r.Next(); ok; frame, ok = r.Next() {
		f.add(frame.Bytes, f.clock(), new(peer), frame.Flags)
	}
	f.flush()
	return sink.entries
}

func TestBothEnginesReadEveryCaseAlike(t *testing.T) {
	path := socketPath(t)
	const lostByEngine = index.FlagPartial | index.FlagTruncated
	for _, input := range []string{
		"udp://127.0.0.1:0?zone=UTC",
		"tcp://127.0.0.1:0?zone=UTC",
		"tcp://127.0.0.1:0?zone=UTC&engine=go-syslog",
		"unixgram://" + path + "?zone=UTC",
		"unixgram://" + path + "?zone=UTC&engine=go-syslog",
	} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{input}}, sink)
			opts := syslog.Options{Location: time.UTC}
			if strings.HasPrefix(input, "unixgram") {
				opts.Local, opts.Hostname = true, "collector"
			}
			tried, seen := 0, 0
			for _, c := range loadWireCases(t) {
				if c.stream != strings.HasPrefix(input, "tcp") {
					continue
				}
				want := parsed(t, c, opts)
				conn := dial(t, r.Addrs()[0])
				send(t, conn, c.data)
				if err := conn.Close(); err != nil {
					t.Fatal(err)
				}
				got := sink.wait(t, seen+len(want))[seen:]
				for i := range want {
					if want[i].Hostname == "" {
						want[i].Hostname = got[i].Source
					}
					if strings.Contains(input, "go-syslog") {
						want[i].Flags &^= lostByEngine
					}
				}
				ignore := cmpopts.IgnoreFields(index.Entry{}, "Seq", "Received", "Source", "Input")
				if diff := cmp.Diff(want, got, ignore, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.name, diff)
				}
				seen += len(want)
				tried++
			}
			if tried < 20 {
				t.Errorf("only %d cases were tried", tried)
			}
			if s := r.Stats()[0]; s.Received != uint64(seen) || s.Dropped != 0 {
				t.Errorf("got stats %+v, want %d received", s, seen)
			}
		})
	}
}
