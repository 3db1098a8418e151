package block

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writeBlock returns the path of a block's file and its header.
func writeBlock(t *testing.T, codec *Codec, c *Columns) (string, Header) {
	t.Helper()
	file, header := encode(codec, c)
	path := filepath.Join(t.TempDir(), FileName(header.First, header.Last, header.Instance))
	if err := WriteFile(path, file); err != nil {
		t.Fatal(err)
	}
	return path, header
}

func TestFileReadsWhatIsAskedForAgainAndAgain(t *testing.T) {
	codec := newCodec(t)
	for _, n := range []int{1, 5, 400, 9000} { // the last is not read at once
		want := sample(n)
		path, header := writeBlock(t, codec, want)
		if whole := header.fileSize() <= wholeBytes; whole != (n < 9000) {
			t.Fatalf("%d entries take %d bytes: the test has lost its point", n, header.fileSize())
		}
		for range 3 { // the memory of the one before is used again
			f, err := codec.OpenFile(path, &header)
			if err != nil {
				t.Fatal(err)
			}
			rows := []int{n / 3, n - 1}
			if rows[0] == rows[1] {
				rows = rows[1:]
			}
			got, err := f.Rows(rows)
			if err != nil {
				t.Fatal(err)
			}
			messages, err := f.Messages()
			if err == nil {
				got.Message, err = messages.Texts(rows)
			}
			if diff := cmp.Diff(rowsOf(want, rows), got, withoutShapes); err != nil || diff != "" {
				t.Errorf("%d entries, rows %v: error %v (-want +got):\n%s", n, rows, err, diff)
			}
			all := &Columns{}
			err = f.Read(all, PartAll)
			if diff := cmp.Diff(want, all, withoutShapes); err != nil || diff != "" {
				t.Errorf("%d entries: error %v (-want +got):\n%s", n, err, diff)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// rowsOf are some entries of c.
func rowsOf(c *Columns, rows []int) *Columns {
	of := &Columns{
		Instance: c.Instance, TextBytes: c.TextBytes, LastError: c.LastError, Message: pick(c.Message, rows),
		Seq: pick(c.Seq, rows), Received: pick(c.Received, rows), Time: pick(c.Time, rows), Flags: pick(c.Flags, rows),
	}
	for id := sectionSeq; id <= sectionLast; id++ {
		if texts := of.texts(id); texts != nil {
			for _, row := range rows {
				texts.Append(c.texts(id).At(row))
			}
		}
		if octets := of.octets(id); octets != nil {
			*octets = pick(*c.octets(id), rows)
		}
	}
	return of
}

func TestEachSectionNoticesItsDamageWhenItIsRead(t *testing.T) {
	codec := newCodec(t)
	for _, n := range []int{100, 9000} {
		path, header := writeBlock(t, codec, sample(n))
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := header.bodyAt
		for _, s := range header.sections {
			if s.size == 0 {
				continue
			}
			file[at] ^= 1
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := codec.OpenFile(path, &header)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range header.sections {
				_, err := f.section(other.id)
				if errors.Is(err, ErrDamaged) != (other.id == s.id) {
					t.Errorf("%d entries: error = %v of section %d, section %d is damaged", n, err, other.id, s.id)
				}
			}
			if err := f.Read(&Columns{}, PartAll); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d entries: error = %v of everything, section %d is damaged", n, err, s.id)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			file[at] ^= 1
			at += s.size
		}
		if err := os.Truncate(path, header.fileSize()-1); err != nil {
			t.Fatal(err)
		}
		f, err := codec.OpenFile(path, &header)
		if err == nil {
			err = f.Read(&Columns{}, PartAll)
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%d entries: error = %v of a file that is cut off, want %v", n, err, ErrDamaged)
		}
	}
}

func TestReaderSkipsAndSumsLikeOneByOne(t *testing.T) {
	var data []byte
	w := reader{}
	numbers := make([]int64, 200)
	for i := range numbers {
		if i%3 == 0 || i > 100 && i < 150 {
			continue
		}
		numbers[i] = int64(i*i*i) * int64(1-i%2*2)
	}
	for _, n := range numbers {
		data = binary.AppendVarint(data, n)
	}
	for skip := range numbers {
		w = reader{data: data}
		w.skip(skip)
		if got := w.varint(); got != numbers[skip] || w.bad {
			t.Fatalf("after %d: %d, want %d", skip, got, numbers[skip])
		}
		w = reader{data: data}
		want := int64(0)
		for _, n := range numbers[:skip] {
			want += n
		}
		if got := w.varints(skip); got != want || w.bad {
			t.Fatalf("sum of %d = %d, want %d", skip, got, want)
		}
	}
	w = reader{data: data}
	if w.skip(len(numbers) + 1); !w.bad {
		t.Error("more are skipped than there are")
	}
	w = reader{data: data}
	if w.varints(len(numbers) + 1); !w.bad {
		t.Error("more are summed than there are")
	}
}
