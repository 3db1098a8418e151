package shape

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagtail/tagtail/index/internal/filter"
)

func TestCutFindsShapesAndValues(t *testing.T) {
	tests := map[string]struct {
		shape  string
		values []string
	}{
		"":                           {"", nil},
		"worker cycle":               {"worker cycle", nil},
		"*12 recv: fd:6 0x7fA3":      {"*\x00 recv: fd:\x00 \x00", []string{"12", "6", "0x7fA3"}},
		"took=4750us":                {"took=\x00", []string{"4750us"}},
		"socketserver_dev1":          {"socketserver_\x00", []string{"dev1"}},
		"a1b2 c3":                    {"\x00 \x00", []string{"a1b2", "c3"}},
		"玩家113830移动 é9":              {"玩家\x00移动 é\x00", []string{"113830", "9"}},
		"bad\xff1\xfe":               {"bad\xff\x00\xfe", []string{"1"}},
		"7":                          {"\x00", []string{"7"}},
		"nul\x00 1":                  {"\x00", []string{"nul\x00 1"}},
		"1\u212a is 1k, not a value": {"\x00", []string{"1\u212a is 1k, not a value"}},
		"\u0130 1":                   {"\x00", []string{"\u0130 1"}},
		"€ \xe2\x84\xab 1":           {"€ \xe2\x84\xab \x00", []string{"1"}},
	}
	for message, want := range tests {
		var set Set
		set.Cut([]string{message})
		var values []string
		for _, v := range set.Values(0) {
			values = append(values, v.Of(message))
		}
		if got := set.Text(0); got != want.shape || cmp.Diff(want.values, values) != "" {
			t.Errorf("%q has shape %q and values %q, want %q and %q", message, got, values, want.shape, want.values)
		}
	}
}

func TestValuesHaveTheirClassAndDigits(t *testing.T) {
	tests := map[string]struct {
		class  Class
		packed uint64
	}{
		"0":                {Digit, 0},
		"007":              {Digit | LeadingZero, 7},
		"120":              {Digit, 0x120},
		"9f":               {Digit | LowerHex, 0x9f},
		"9F":               {Digit | UpperHex, 0x9f},
		"0123456789abcdef": {Digit | LowerHex | LeadingZero, 0x0123456789abcdef},
		"fedcba9876543210": {Digit | LowerHex, 0xfedcba9876543210},
	}
	for text, want := range tests {
		var set Set
		set.Cut([]string{"x " + text})
		if v := set.Values(0)[0]; v.Class != want.class || v.N != want.packed || !v.Packed() {
			t.Errorf("%s is %+v, want class %b and digits %x", text, v, want.class, want.packed)
		}
	}
	for _, text := range []string{"1g", "G1", "12345678901234567", "0x1f"} {
		var set Set
		set.Cut([]string{text})
		if v := set.Values(0)[0]; v.Packed() {
			t.Errorf("%s is packed", text)
		}
	}
}

func TestDecimalReadsPackedDigits(t *testing.T) {
	for _, n := range []uint64{0, 1, 9, 10, 99, 12345678, 100000000, 1234567890123456, 9999999999999999} {
		packed := uint64(0)
		for _, digit := range fmt.Sprint(n) {
			packed = packed<<4 | uint64(digit-'0')
		}
		if got := Decimal(packed); got != n {
			t.Errorf("Decimal(%#x) = %d, want %d", packed, got, n)
		}
	}
}

func TestHashIsThatOfThePackedValueInAnyCase(t *testing.T) {
	for _, text := range []string{"1", "01", "9f", "0123456789abcdef", "dev1", "0x1f", strings.Repeat("7e", 20)} {
		want := Hash(text)
		if got := Hash(strings.ToUpper(text)); got != want {
			t.Errorf("%q has another hash in upper case", text)
		}
		var set Set
		set.Cut([]string{"id=" + text})
		got := filter.Hash(text)
		if v := set.Values(0)[0]; v.Packed() {
			got = HashPacked(v.N, v.Len)
		}
		if got != want {
			t.Errorf("the value %q has the hash %x, want %x", text, got, want)
		}
	}
	if Hash("1") == Hash("01") {
		t.Error("1 and 01 have the same hash")
	}
}

// randomMessages are much alike, so that one goes on where the one before does.
func randomMessages(r *rand.Rand, n int) []string {
	pieces := []string{"2026/11/22 ", "[debug] ", "*", "12", "7", "a", "f0", "dev", " ", "：", "超时", "\x00", "\u212a", "\xe2", "\x84", "é", "Z9", "0"}
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		if i > 0 {
			b.WriteString(all[i-1][:r.IntN(len(all[i-1])+1)])
		}
		for range r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		all[i] = b.String()
		if len(all[i]) > 60 {
			all[i] = ""
		}
	}
	return all
}

func TestMessagesAreTheirShapesWithTheirValues(t *testing.T) {
	var set, alone Set // used again and again
	for seed := range uint64(200) {
		messages := randomMessages(rand.New(rand.NewPCG(seed, 1)), 100)
		set.Cut(messages)
		for i, m := range messages {
			if got := join(&set, i, m); got != m {
				t.Fatalf("seed %d: message %d is %q, want %q", seed, i, got, m)
			}
			alone.Cut(messages[i : i+1])
			if diff := cmp.Diff(alone.Text(0), set.Text(int(set.Of[i]))); diff != "" {
				t.Fatalf("seed %d: %q behind %q has another shape than alone (-want +got):\n%s", seed, m, messages[max(0, i-1)], diff)
			}
			if diff := cmp.Diff(alone.Values(0), set.Values(i), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d: %q behind %q has other values than alone (-want +got):\n%s", seed, m, messages[max(0, i-1)], diff)
			}
		}
		checkColumns(t, &set, messages)
	}
}

// join puts a message together again.
func join(set *Set, i int, message string) string {
	parts := strings.Split(set.Text(int(set.Of[i])), MarkText)
	var b strings.Builder
	for k, v := range set.Values(i) {
		b.WriteString(parts[k] + v.Of(message))
	}
	return b.String() + parts[len(parts)-1]
}

// checkColumns compares the columns with the values.
func checkColumns(t *testing.T, set *Set, messages []string) {
	t.Helper()
	for i := range set.Shapes {
		var rows []int32
		for k, of := range set.Of {
			if int(of) == i {
				rows = append(rows, int32(k))
			}
		}
		if len(rows) != set.Shapes[i].Messages || set.Loose(i) != (len(rows) < ColumnFrom) {
			t.Fatalf("shape %q of %d messages: %+v", set.Text(i), len(rows), set.Shapes[i])
		}
		if set.Loose(i) {
			continue
		}
		if diff := cmp.Diff(rows, set.Rows(i)); diff != "" {
			t.Fatalf("messages of a shape (-want +got):\n%s", diff)
		}
		for slot, got := range set.Columns(i) {
			want := Column{Short: ^uint32(0)}
			for _, row := range rows {
				v := set.Values(int(row))[slot]
				want.Class |= v.Class
				want.Short, want.Long = min(want.Short, v.Len), max(want.Long, v.Len)
				want.N = append(want.N, v.N)
				want.Varying |= v.N ^ want.N[0]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("column %d of %q in %q (-want +got):\n%s", slot, set.Text(i), messages, diff)
			}
		}
	}
}

func FuzzMessagesAreTheirShapesWithTheirValues(f *testing.F) {
	f.Add("*12 recv: fd:6", "*12 recv: fd:61 0x7fA3")
	f.Add("nul\x00 1", "\xe2\x84\xaa1")
	f.Fuzz(func(t *testing.T, first, second string) {
		messages := []string{first, second, first, second + "9", first, second}
		var set Set
		set.Cut(messages)
		for i, m := range messages {
			if got := join(&set, i, m); got != m {
				t.Fatalf("message %d is %q, want %q", i, got, m)
			}
		}
	})
}
