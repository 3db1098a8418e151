package block

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newCodec(t testing.TB) *Codec {
	t.Helper()
	codec, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// sample returns columns with n entries of everything that can occur.
func sample(n int) *Columns {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	texts := []string{"", "a", "超时", "\x00\xff", strings.Repeat("long ", 100)}
	c := &Columns{Instance: "s/dev1\x00", TextBytes: 7, LastError: 9}
	seq := uint64(r.IntN(1000)) + 1
	for range n {
		c.Seq = append(c.Seq, seq)
		seq += uint64(1 + r.IntN(3))
		c.Received = append(c.Received, r.Int64()>>uint(r.IntN(60)))
		stamp := Stamp{}
		if r.IntN(3) > 0 {
			stamp = Stamp{Set: true, Sec: r.Int64() >> uint(r.IntN(60)), Nsec: []int32{0, 1, 999_999_999, 5e8, 123_000}[r.IntN(5)], Offset: int32(r.IntN(100000) - 50000)}
		}
		c.Time = append(c.Time, stamp)
		c.Facility = append(c.Facility, uint8(r.IntN(24)))
		c.Severity = append(c.Severity, uint8(r.IntN(8)))
		c.Format = append(c.Format, uint8(r.IntN(5)))
		c.By = append(c.By, uint8(r.IntN(9)))
		c.Flags = append(c.Flags, uint16(r.IntN(math.MaxUint16+1)))
		for _, column := range []*[]string{&c.Hostname, &c.Source, &c.AppName, &c.ProcID, &c.MsgID, &c.StructuredData, &c.Input, &c.Message} {
			*column = append(*column, texts[r.IntN(len(texts))])
		}
	}
	return c
}

func TestColumnsComeBackAsTheyWere(t *testing.T) {
	codec := newCodec(t)
	for _, n := range []int{1, 2, 3, 100, 9000} {
		want := sample(n)
		file, header := codec.Encode(nil, want)
		got, err := codec.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d entries (-want +got):\n%s", n, diff)
		}
		path := filepath.Join(t.TempDir(), FileName(header.First, header.Last, header.Instance))
		if err := WriteFile(path, file); err != nil {
			t.Fatal(err)
		}
		read, size, err := ReadHeader(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(header, read, cmp.AllowUnexported(Header{}, section{})); diff != "" || size != int64(len(file)) {
			t.Errorf("%d entries: header of %d bytes (-want +got):\n%s", n, size, diff)
		}
	}
}

func TestEveryFlippedByteIsNoticed(t *testing.T) {
	codec := newCodec(t)
	file, _ := codec.Encode(nil, sample(5))
	for at := range file {
		flipped := bytes.Clone(file)
		flipped[at] ^= 0x01
		if _, err := codec.Decode(flipped); err == nil {
			t.Fatalf("a flipped bit at %d was not noticed", at)
		}
	}
}

func TestEveryCutIsNoticed(t *testing.T) {
	codec := newCodec(t)
	file, _ := codec.Encode(nil, sample(5))
	path := filepath.Join(t.TempDir(), "cut")
	for size := range file {
		if _, err := codec.Decode(file[:size]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut at %d: error = %v, want %v", size, err, ErrDamaged)
		}
		if err := os.WriteFile(path, file[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadHeader(path); !errors.Is(err, ErrDamaged) {
			t.Fatalf("header of a file cut at %d: error = %v, want %v", size, err, ErrDamaged)
		}
	}
}

func TestAnotherVersionIsNamed(t *testing.T) {
	file, _ := newCodec(t).Encode(nil, sample(1))
	file[len(magic)] = 9
	if _, err := newCodec(t).Decode(file); err == nil || !strings.Contains(err.Error(), "format 9") {
		t.Errorf("error = %v, want one about format 9", err)
	}
}

func TestFileNameIsSafeAndReadable(t *testing.T) {
	for instance, want := range map[string]string{
		"socketserver/dev1":      "socketserver%2Fdev1",
		"../../etc":              "..%2F..%2Fetc",
		"a\x00b":                 "a%00b",
		strings.Repeat("x", 999): strings.Repeat("x", maxNameBytes-42),
	} {
		want = fmt.Sprintf("%020d-%020d-%s.block", 7, 99, want)
		got := FileName(7, 99, instance)
		if got != want {
			t.Errorf("FileName(%q) = %s, want %s", instance, got, want)
		}
		if first, last, ok := ParseFileName(got); !ok || first != 7 || last != 99 {
			t.Errorf("ParseFileName(%s) = %d, %d, %v", got, first, last, ok)
		}
	}
	for _, name := range []string{"", "x.block", "7.filter"} {
		if _, _, ok := ParseFileName(name); ok {
			t.Errorf("ParseFileName(%q) took it", name)
		}
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	codec := newCodec(f)
	file, _ := codec.Encode(nil, sample(3))
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		if columns, err := codec.Decode(data); err == nil && len(columns.Seq) != len(columns.Message) {
			t.Error("columns differ in length")
		}
	})
}
