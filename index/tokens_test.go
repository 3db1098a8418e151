package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/shape"
	"github.com/tagtail/tagtail/index/internal/words"
)

// tokenMessages have shapes of many and of few messages, words inside and
// outside of ids, and whatever makes a message opaque.
func tokenMessages(r *rand.Rand) []string {
	var all []string
	for i := range 200 {
		all = append(all, []string{
			fmt.Sprintf("*%d Open() %016x dev%d", i/7, r.Uint64(), r.IntN(9)),
			fmt.Sprintf("DEV dev%dDev %d007us", i, r.IntN(50)),
			fmt.Sprintf("from host%d to host%d", i, r.IntN(50)),
			fmt.Sprintf("bad%d 0x%X %032x", r.IntN(20), r.IntN(1<<20), r.Uint64()),
			fmt.Sprintf("玩家 %d 超时%d秒 é%d", r.IntN(1000), i, i),
			fmt.Sprintf("\u212a%d dev dev%d \x00x9", i, i),
			strings.Repeat("word", r.IntN(4)) + fmt.Sprint(" rare", i),
			"007 7 07 7",
			"",
		}[r.IntN(9)])
	}
	return all
}

func TestCollectFindsTheTokensOfEachMessage(t *testing.T) {
	for _, budget := range []int{16384, 20} {
		tokens := newTokens(budget)
		for seed := range uint64(50) {
			messages := tokenMessages(rand.New(rand.NewPCG(seed, 2)))
			tokens.collect(messages)
			lines, hashes, hex := map[string]int{}, map[uint64]bool{}, false
			for _, m := range messages {
				inLine := map[string]bool{}
				words.Each(words.Fold(nil, m), func(token []byte, _ int, kind words.Kind) {
					if kind == words.Word {
						inLine[string(token)] = true
						return
					}
					hashes[shape.Hash(string(token))] = true
					run := strings.FieldsFunc(string(token), func(r rune) bool { return r <= '9' })
					hex = hex || words.Hex(string(token)) && slices.ContainsFunc(run, func(s string) bool { return len(s) >= words.MinInner })
				})
				for word := range inLine {
					lines[word]++
				}
			}
			for _, w := range tokens.words.list {
				if lines[w.Text] != w.Lines {
					t.Errorf("seed %d: %q is in %d lines, want %d", seed, w.Text, w.Lines, lines[w.Text])
				}
				delete(lines, w.Text)
			}
			if tokens.overflow != (len(lines) > 0) || len(lines) > 0 && len(tokens.words.list) != budget {
				t.Errorf("seed %d: overflow is %v with %d words left out", seed, tokens.overflow, len(lines))
			}
			if hex && !tokens.hex {
				t.Errorf("seed %d: hex is false", seed)
			}
			got := map[uint64]bool{}
			for hash := range tokens.ids.All() {
				got[hash] = true
			}
			for word := range lines { // these are among the ids
				hashes[filter.Hash(word)] = true
			}
			if diff := cmp.Diff(hashes, got); diff != "" {
				t.Fatalf("seed %d: hashes of ids (-want +got):\n%s", seed, diff)
			}
		}
	}
}
