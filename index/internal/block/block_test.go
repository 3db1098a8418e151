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
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagtail/tagtail/index/internal/shape"
)

func newCodec(t testing.TB) *Codec {
	t.Helper()
	codec, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// encode cuts the messages and encodes the columns.
func encode(codec *Codec, c *Columns) ([]byte, Header) {
	var set shape.Set
	set.Cut(c.Message)
	return codec.Encode(nil, c, &set)
}

// withoutShapes is for columns that were never encoded: they have none.
var withoutShapes = cmpopts.IgnoreFields(Columns{}, "Shapes")

// message returns one of some shapes, with values of every kind that there is a
// column for.
func message(r *rand.Rand, n int) string {
	switch r.IntN(12) {
	case 0:
		return fmt.Sprintf("*%d accept: fd:%d %02d %x", n/3, r.IntN(10), r.IntN(60), r.Uint64())
	case 1:
		return fmt.Sprintf("*%d recv %016X of %d", n, r.Uint64(), r.Uint64N(2_000_000_000_000_000_000))
	case 2:
		return fmt.Sprintf("%05x-%d", r.IntN(1<<20), 1<<60-n)
	case 3:
		return fmt.Sprintf("dev%d took=%dus Ab%xzZ 007", r.IntN(300), r.IntN(1000), r.Uint32())
	case 4:
		return fmt.Sprintf("玩家 %d 移动%d", r.IntN(1000000), n)
	case 5:
		return fmt.Sprintf("%d", r.IntN(1<<30))
	case 6:
		return strings.Repeat("x", r.IntN(50)) + " rare " + strings.Repeat("y", r.IntN(9)) + fmt.Sprint(r.IntN(100))
	case 7:
		return fmt.Sprintf("nul \x00 %d", n)
	case 8:
		return fmt.Sprintf("1\u212a%d \u0130", n)
	case 9:
		return fmt.Sprintf("\xff\xfe%d\xc4", n)
	case 10:
		return "no value"
	}
	return ""
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
		for _, column := range []*Texts{&c.Hostname, &c.Source, &c.AppName, &c.ProcID, &c.MsgID, &c.StructuredData, &c.Input} {
			column.Append(texts[r.IntN(len(texts))])
		}
		c.Message = append(c.Message, message(r, len(c.Message)))
	}
	return c
}

func TestColumnsComeBackAsTheyWere(t *testing.T) {
	codec := newCodec(t)
	for _, n := range []int{1, 2, 3, 100, 9000} {
		want := sample(n)
		file, header := encode(codec, want)
		got, err := codec.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, withoutShapes); diff != "" {
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
	file, _ := encode(codec, sample(5))
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
	file, _ := encode(codec, sample(5))
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
	file, _ := encode(newCodec(t), sample(1))
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
	file, _ := encode(codec, sample(3))
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		if columns, err := codec.Decode(data); err == nil && len(columns.Seq) != len(columns.Message) {
			t.Error("columns differ in length")
		}
	})
}
