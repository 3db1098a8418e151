package rules

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

// seedOf is always the same, or another each time in a soak.
func seedOf(t *testing.T) uint64 {
	if os.Getenv("TAGTAIL_SOAK") == "" {
		return 2302
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return seed
}

// starts are messages that end early, or begin oddly.
var starts = []string{
	"<1234", "<1>", "<>xyz", "<1x>", "<abc>d", "a", "ab", "<192>", "<13>1", "<13>1 ", "<13>1 -", "<13>1 - ", "<13>1 -  ", "<13>1 - h  p m - x", "<13>1 - h a  m - x", "<13>1 - h a p  - x",
	"< 13>x", "<013>x", "<00000>x", "<-1>x", "<1 3>x", "<12>>x", "<13>102016-01-15T01:00:43Z h t: x", "<13>2099-01-15T01:00:43Z h t: x", "<13>2100-01-15T01:00:43Z h t: x", "<13>0-1-1T1:1:1Z h t: x",
}

// damaged are messages that are cut off, or have other bytes, of those in with,
// behind the first from.
func damaged(messages [][]byte, from int, with string, seed uint64) (list [][]byte) {
	random := rand.New(rand.NewPCG(5424, seed))
	for _, m := range messages {
		end := min(len(m), 200)
		if end <= from {
			continue
		}
		for range 6 {
			list = append(list, m[:from+1+random.IntN(end-from)])
			other := slices.Clone(m)
			for range 1 + random.IntN(3) {
				other[from+random.IntN(end-from)] = with[random.IntN(len(with))]
			}
			list = append(list, other)
		}
	}
	return slices.DeleteFunc(list, func(m []byte) bool { return longFraction.Match(m) || openPRI.Match(m) })
}

// What rsyslogd 8.2302 itself misreads is left out: in a message of a local
// socket it takes any time of RFC 3164 for 16 bytes, and control characters
// before the text for one byte each, though it writes them as four.
func TestFilesOfDamagedMessagesAreThoseOfRsyslogd(t *testing.T) {
	seed := seedOf(t)
	remote, local := slices.Concat(parserCases(t, "udp"), parserCases(t, "tcp")), slices.Concat(captures(t, "redis"), captures(t, "mariadb"), captures(t, "nginx"))
	messages := damaged(remote, 0, " :[]/<>-0\t\x7f\xc3.", seed)
	for _, s := range starts {
		messages = append(messages, []byte(s))
	}
	t.Run("remote", func(t *testing.T) { compare(t, formats, false, messages) })
	t.Run("local", func(t *testing.T) {
		compare(t, formats, true, damaged(local, len("<174>Nov 22 08:51:43 "), " :[]/<>-0\xc3.\"\\{#", seed))
	})
}
