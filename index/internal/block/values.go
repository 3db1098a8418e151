package block

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/internal/shape"
)

// How a column of values is kept.
const (
	valuesText       uint8 = iota // each value with its length
	valuesDictionary              // distinct values and, if there are several, a byte for each message
	valuesNumbers                 // decimal numbers as uvarints
	valuesDeltas                  // decimal numbers as varints of the difference to the one before
	valuesLowerHex                // two digits a byte, all of the same length
	valuesUpperHex
	valuesUnits      // valuesNumbers, but with the same letters before and after each
	valuesUnitDeltas // valuesDeltas, likewise
)

const (
	// maxDistinct is how many values a dictionary may have.
	maxDistinct = 256
	// maxUnitDigits are sure to fit into 63 bits.
	maxUnitDigits = 18
	// From so many values on at most half of them may be distinct.
	sampleValues = 16
)

// valueWriter turns the values of messages into sections. Its memory is used
// again.
type valueWriter struct {
	values, packed, loose []byte

	column  []string
	numbers []uint64
	words   dictionary[string]
	known   dictionary[uint64]
}

// write replaces what w holds by the values of the messages.
func (w *valueWriter) write(messages []string, set *shape.Set) {
	w.values, w.packed, w.loose = w.values[:0], w.packed[:0], w.loose[:0]
	for i := range set.Shapes {
		if set.Loose(i) {
			continue
		}
		for slot, column := range set.Columns(i) {
			w.append(messages, set, i, slot, &column)
		}
	}
	for i, m := range messages {
		if !set.Loose(int(set.Of[i])) {
			continue
		}
		for _, v := range set.Values(i) {
			w.loose = appendString(w.loose, v.Of(m))
		}
	}
	clear(w.column[:cap(w.column)]) // let go of the messages
	w.words.reset()
}

// append appends a column in the form that is shortest before compression.
func (w *valueWriter) append(messages []string, set *shape.Set, of, slot int, c *shape.Column) {
	switch {
	case !c.Packed():
		w.appendTexts(messages, set, of, slot)
	case c.Constant() && (c.Class&shape.UpperHex == 0 || c.Class&shape.LowerHex == 0):
		value := set.Values(int(set.Rows(of)[0]))[slot].Of(messages[set.Rows(of)[0]])
		w.appendDictionary([]string{value}, nil)
	case c.Class == shape.Digit:
		w.appendNumbers(c)
	case c.Short == c.Long && c.Class&shape.UpperHex == 0:
		w.appendHex(valuesLowerHex, c)
	case c.Short == c.Long && c.Class&shape.LowerHex == 0:
		w.appendHex(valuesUpperHex, c)
	default:
		w.appendTexts(messages, set, of, slot)
	}
}

// appendNumbers takes plain numbers, differences or a dictionary.
func (w *valueWriter) appendNumbers(c *shape.Column) {
	w.numbers = w.numbers[:0]
	for _, packed := range c.N {
		w.numbers = append(w.numbers, shape.Decimal(packed))
	}
	w.writeNumbers("", "")
}

// writeNumbers writes the numbers with what is before and after each.
func (w *valueWriter) writeNumbers(before, after string) {
	plain, deltas := 0, 0
	previous := uint64(0)
	for _, n := range w.numbers {
		plain += uvarintBytes(n)
		deltas += uvarintBytes(zigzag(int64(n - previous)))
		previous = n
	}
	units := before != "" || after != ""
	if short := min(plain, deltas); !units && short > len(w.numbers)+len(w.numbers)/2 && w.fewNumbers(short) {
		return
	}
	kind, size := valuesNumbers, plain
	if deltas <= plain {
		kind, size = valuesDeltas, deltas
	}
	if units {
		w.begins(kind-valuesNumbers+valuesUnits, size+stringBytes(before)+stringBytes(after))
		w.values = appendString(appendString(w.values, before), after)
	} else {
		w.begins(kind, size)
	}
	previous = 0
	for _, n := range w.numbers {
		if kind == valuesDeltas {
			n, previous = zigzag(int64(n-previous)), n
		}
		w.values = binary.AppendUvarint(w.values, n)
	}
}

// fewNumbers writes the numbers as a dictionary, if there are few enough of
// them for it to be shorter than so many bytes.
func (w *valueWriter) fewNumbers(than int) bool {
	w.known.reset()
	for _, n := range w.numbers {
		if !w.known.add(n) {
			return false
		}
	}
	var text [20]byte
	start := len(w.column)
	for _, n := range w.known.list {
		w.column = append(w.column, string(strconv.AppendUint(text[:0], n, 10)))
	}
	words := w.column[start:]
	fits := dictionaryBytes(words, len(w.numbers)) < than
	if fits {
		w.appendDictionary(words, w.known.of)
	}
	w.column = w.column[:start]
	return fits
}

// begins writes what comes before the bytes of a column: its kind and their
// number, so that a reader can leave it out.
func (w *valueWriter) begins(kind uint8, size int) {
	w.values = binary.AppendUvarint(append(w.values, kind), uint64(size))
}

func (w *valueWriter) appendDictionary(words []string, of []byte) {
	w.begins(valuesDictionary, dictionaryBytes(words, len(of)))
	w.values = binary.AppendUvarint(w.values, uint64(len(words)))
	for _, word := range words {
		w.values = appendString(w.values, word)
	}
	if len(words) > 1 {
		w.values = append(w.values, of...)
	}
}

// dictionaryBytes is what a dictionary of words takes for so many values.
func dictionaryBytes(words []string, values int) int {
	size := uvarintBytes(uint64(len(words)))
	for _, word := range words {
		size += stringBytes(word)
	}
	if len(words) > 1 {
		size += values
	}
	return size
}

// appendHex leaves the first digits out that all values have.
func (w *valueWriter) appendHex(kind uint8, c *shape.Column) {
	digits := int(c.Long)
	packed := (bits.Len64(c.Varying) + 7) / 8 // bytes
	common := c.N[0]
	if packed == 8 {
		common = 0
	} else {
		common >>= 8 * packed
	}
	w.begins(kind, uvarintBytes(uint64(digits))+uvarintBytes(uint64(packed))+uvarintBytes(common))
	w.values = binary.AppendUvarint(w.values, uint64(digits))
	w.values = binary.AppendUvarint(w.values, uint64(packed))
	w.values = binary.AppendUvarint(w.values, common)
	for _, n := range c.N {
		for k := packed - 1; k >= 0; k-- {
			w.packed = append(w.packed, byte(n>>(8*k)))
		}
	}
}

// appendTexts takes a dictionary if the values are few, or numbers if they
// differ in these only.
func (w *valueWriter) appendTexts(messages []string, set *shape.Set, of, slot int) {
	column := w.column[:0]
	w.words.reset()
	few := true
	for _, row := range set.Rows(of) {
		text := set.Values(int(row))[slot].Of(messages[row])
		column = append(column, text)
		few = few && w.words.add(text)
	}
	w.column = column
	if few {
		w.appendDictionary(w.words.list, w.words.of)
		return
	}
	if before, after, ok := w.cutUnits(); ok {
		w.writeNumbers(before, after)
		return
	}
	w.appendText()
}

// cutUnits finds the letters that are before and after a number in all values,
// and the numbers.
func (w *valueWriter) cutUnits() (before, after string, ok bool) {
	const decimals = "0123456789"
	first := w.column[0]
	from, to := strings.IndexAny(first, decimals), strings.LastIndexAny(first, decimals)+1
	if to == 0 {
		return "", "", false
	}
	before, after = first[:from], first[to:]
	w.numbers = w.numbers[:0]
	for _, text := range w.column {
		text, begins := strings.CutPrefix(text, before)
		text, ends := strings.CutSuffix(text, after)
		n, err := strconv.ParseUint(text, 10, 63)
		if !begins || !ends || err != nil || len(text) > maxUnitDigits || len(text) > 1 && text[0] == '0' {
			return "", "", false
		}
		w.numbers = append(w.numbers, n)
	}
	return before, after, true
}

func (w *valueWriter) appendText() {
	size := 0
	for _, text := range w.column {
		size += stringBytes(text)
	}
	w.begins(valuesText, size)
	for _, text := range w.column {
		w.values = appendString(w.values, text)
	}
}

const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

func stringBytes(s string) int { return uvarintBytes(uint64(len(s))) + len(s) }

func uvarintBytes(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// zigzag is n as binary.AppendVarint writes it.
func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }

// dictionary gathers distinct values, until there are too many.
type dictionary[T comparable] struct {
	list []T
	of   []byte // of each value, which it is
	seed maphash.Seed

	slots [4 * maxDistinct]uint16 // 1 and more: that of list, counted from 1
}

func (d *dictionary[T]) reset() {
	if d.seed == (maphash.Seed{}) {
		d.seed = maphash.MakeSeed()
	}
	clear(d.list)
	clear(d.slots[:])
	d.list, d.of = d.list[:0], d.of[:0]
}

// add tells whether there are few enough.
func (d *dictionary[T]) add(value T) bool {
	if n := len(d.of); n > 0 && d.list[d.of[n-1]] == value {
		d.of = append(d.of, d.of[n-1])
		return true
	}
	const mask = uint64(len(d.slots) - 1)
	slot := maphash.Comparable(d.seed, value) & mask
	for ; d.slots[slot] != 0; slot = (slot + 1) & mask {
		if at := d.slots[slot] - 1; d.list[at] == value {
			d.of = append(d.of, byte(at))
			return true
		}
	}
	if len(d.list) == maxDistinct || len(d.of) >= sampleValues && 2*len(d.list) > len(d.of) {
		return false
	}
	d.list = append(d.list, value)
	d.slots[slot] = uint16(len(d.list))
	d.of = append(d.of, byte(len(d.list)-1))
	return true
}
