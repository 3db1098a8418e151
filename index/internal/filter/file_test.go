package filter

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// randomHashes are n hashes and some that are likely to be at a border.
func randomHashes(r *rand.Rand, n int) []uint64 {
	hashes := []uint64{0, 1, 1 << 63, math.MaxUint64, math.MaxUint32}
	for range n {
		hashes = append(hashes, r.Uint64())
	}
	return hashes
}

// says is what the file says of a hash in the filter of a slot.
func says(t *testing.T, h *Head, file []byte, slot int, hash uint64) bool {
	t.Helper()
	number, offset, n := h.Chunk(hash)
	if offset < 0 || offset+int64(n) > int64(len(file)) || number >= h.Chunks() {
		t.Fatalf("chunk %d: %d bytes at %d of %d", number, n, offset, len(file))
	}
	c, err := h.Parse(file[offset:offset+int64(n)], number)
	if err != nil {
		t.Fatal(err)
	}
	if c.Bytes() < n-sumBytes || c.Bytes() > n+100 {
		t.Fatalf("%d bytes in memory, %d in the file", c.Bytes(), n)
	}
	return c.MayContain(slot, hash)
}

func readHead(t *testing.T, file []byte) *Head {
	t.Helper()
	h, err := ReadHead(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOneChunkSaysWhatTheWholeFilterSays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	for _, count := range []int{0, 1, 20, 2000, 2001, 5000, 20_000, 75_000} {
		hashes := randomHashes(r, count)
		if count == 0 {
			hashes = nil
		}
		f := built(hashes)
		data := file(f, "block")
		h := readHead(t, data)
		for _, hash := range append(hashes[:min(200, len(hashes))], randomHashes(r, 300)...) {
			if got, want := says(t, h, data, 0, hash), f.MayContain(hash); got != want {
				t.Fatalf("%d hashes: the chunk says %v of %#x, the filter %v", count, got, hash, want)
			}
		}
	}
}

func TestJoinedFiltersSayWhatTheySaidAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	var filters []*Filter
	var names []string
	var parts []Part
	part := func(count int) Part {
		f := built(randomHashes(r, count))
		if count == 0 {
			f = built(nil)
		}
		name := fmt.Sprint("block", len(filters))
		filters, names = append(filters, f), append(names, name)
		data := file(f, name)
		return Part{Head: readHead(t, data), File: bytes.NewReader(data), Drop: make([]bool, 1)}
	}
	join := func(parts []Part) ([]byte, Part) {
		var out bytes.Buffer
		written, err := Join(&out, parts)
		if err != nil {
			t.Fatal(err)
		}
		h := readHead(t, out.Bytes())
		if diff := cmp.Diff(written, h, cmp.AllowUnexported(Head{})); diff != "" {
			t.Fatalf("head that was written (-) and read (+):\n%s", diff)
		}
		return out.Bytes(), Part{Head: h, File: bytes.NewReader(out.Bytes()), Drop: make([]bool, len(h.Names))}
	}
	for _, count := range []int{5000, 0, 9000, 300, 75_000, 1} {
		parts = append(parts, part(count))
	}
	_, first := join(parts[:3])
	first.Drop[1] = true
	first.Names = slices.Clone(first.Names)
	data, all := join([]Part{first, parts[3], parts[4], parts[5]})
	kept := []int{0, 2, 3, 4, 5}
	for slot, i := range kept {
		if all.Names[slot] != names[i] {
			t.Errorf("slot %d is of %s, want %s", slot, all.Names[slot], names[i])
		}
		whole, err := all.Read(bytes.NewReader(data), slot)
		if err != nil || !slices.Equal(whole.buckets, filters[i].buckets) {
			t.Errorf("%s is another filter now: %v", names[i], err)
		}
		for _, hash := range randomHashes(r, 300) {
			if got, want := says(t, all.Head, data, slot, hash), filters[i].MayContain(hash); got != want {
				t.Fatalf("%s: %v of %#x, alone %v", names[i], got, hash, want)
			}
		}
	}
	if err := all.Check(bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
}

func TestFilterThatIsGivenUpIsRemembered(t *testing.T) {
	data := file(built([]uint64{1, 2, 3}), "block")
	h := readHead(t, data)
	data[h.GoneAt(0)] = 1
	if again := readHead(t, data); !again.Gone[0] || h.Gone[0] {
		t.Errorf("gone: %v, before %v", again.Gone[0], h.Gone[0])
	}
}

func TestDamagedFileIsNoticed(t *testing.T) {
	data := file(built(randomHashes(rand.New(rand.NewPCG(1, 10)), 800)), "block")
	check := func(data []byte) error {
		h, err := ReadHead(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return err
		}
		return h.Check(bytes.NewReader(data))
	}
	state := readHead(t, data).GoneAt(0)
	for at := range data {
		flipped := bytes.Clone(data)
		flipped[at] ^= 1
		if err := check(flipped); err == nil && int64(at) != state {
			t.Fatalf("a flipped bit at %d was not noticed", at)
		}
		if err := check(data[:at]); err == nil {
			t.Fatalf("a cut at %d was not noticed", at)
		}
	}
	if err := check(append(bytes.Clone(data), 0)); err == nil {
		t.Error("a byte behind the end was not noticed")
	}
}

func TestDamagedFileIsNotJoined(t *testing.T) {
	data := file(built([]uint64{1, 2, 3}), "block")
	h := readHead(t, data)
	data[len(data)-1] ^= 1
	if _, err := Join(&bytes.Buffer{}, []Part{{Head: h, File: bytes.NewReader(data), Drop: make([]bool, 1)}}); err == nil {
		t.Error("a flipped bit was not noticed")
	}
}

func TestChunkInAnotherPlaceIsNotParsed(t *testing.T) {
	data := file(built(randomHashes(rand.New(rand.NewPCG(1, 11)), 5000)), "block")
	h := readHead(t, data)
	number, offset, n := h.Chunk(0)
	if _, err := h.Parse(data[offset:offset+int64(n)], number+1); err == nil {
		t.Error("it was")
	}
}

func TestHeadThatClaimsMoreThanTheFileHasIsNotRead(t *testing.T) {
	for _, chunks := range []int{1, 1 << 20, 1 << 31} {
		h := newHead([]string{"a", "b"}, []int{1 << 31, 1 << 31}, chunks)
		data := append(h.append(nil), make([]byte, 100)...)
		if _, err := ReadHead(bytes.NewReader(data), int64(len(data))); err == nil {
			t.Errorf("%d chunks: it was", chunks)
		}
	}
}

func FuzzReadHead(f *testing.F) {
	f.Add(file(built(nil), ""), uint64(0))
	f.Add(file(built([]uint64{1, 2, 3}), "block"), uint64(2))
	f.Fuzz(func(_ *testing.T, data []byte, hash uint64) {
		if len(data) >= fixedHead { // so that more than the checksum is tried
			data = bytes.Clone(data)
			slots := int64(binary.LittleEndian.Uint32(data[16:]))
			if head := min(int64(binary.LittleEndian.Uint32(data[20:])), int64(len(data))); head-slots >= fixedHead {
				binary.LittleEndian.PutUint32(data[8:], headSum(data[:head-slots]))
			}
		}
		h, err := ReadHead(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		number, offset, n := h.Chunk(hash)
		c, err := h.Parse(data[offset:offset+int64(n)], number)
		if err != nil {
			return
		}
		for slot := range h.Names {
			c.MayContain(slot, hash)
		}
	})
}
