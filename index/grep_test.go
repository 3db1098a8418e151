package index

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// grepMessage is a random message of one line. It has no letter beyond ASCII
// that is the same as one of ASCII when case does not matter (K for kelvin, the
// Turkish i's, the long s): grep and Tagtail take different ones of them.
func grepMessage(r *rand.Rand) string {
	pieces := []string{
		"timeout", "ReadTimeouts", "TIMEOUT", "upstream", "Connection refused", "connection reset", "worker process", "Redis", "redis_dev1",
		"dev1", "dev10", "DEV1", "socketserver_dev1", "dev2", "uid=12", "uid=123", "UID=1234", "10.0.0.7", "10.0.0.70", "110.0.0.7",
		"超时", "连接超时了", "接", "密码abc1", "abc1密码", "abc1", "1abc", "xabc1", "Ärger", "ÄRGER", "café", "CAFÉ9", "9", "x9y", "日志10", "[error]", "(2)",
		"main.lua:12:", `"GET /api/v1?id=7 HTTP/1.1"`, "\t", "\x1b[31m", "-v", "--", "*", "ab", "a", "é", "👍",
	}
	var b strings.Builder
	for range r.IntN(9) {
		switch r.IntN(8) {
		case 0:
			fmt.Fprintf(&b, "%x", r.Uint64N(1<<(4*r.IntN(16))))
		case 1:
			fmt.Fprintf(&b, "%08X", r.Uint32())
		default:
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		b.WriteString([]string{" ", " ", "", "_", "="}[r.IntN(5)])
	}
	return b.String()
}

// grepStore has entries of several days and instances in blocks and in heads.
func grepStore(t *testing.T, r *rand.Rand) *Store {
	t.Helper()
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 100, WordsPerBlock: 300})
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for range 100 {
		batch := make([]Entry, 1+r.IntN(80))
		for i := range batch {
			batch[i] = Entry{
				Received: start.Add(time.Duration(r.IntN(48*3600)) * time.Second), Severity: Severity(r.IntN(8)),
				Instance: fmt.Sprintf("s/%d", r.IntN(5)), Message: grepMessage(r),
			}
		}
		if err := s.Append(batch); err != nil {
			t.Fatal(err)
		}
		for s.sealNext() {
		}
	}
	if stats := s.Stats(); stats.Appended < 3000 || stats.Blocks < 10 || stats.Heads < 5 {
		t.Fatalf("stats = %+v, want some thousand entries in blocks and heads", stats)
	}
	return s
}

// exportLines writes every message to a file, a line each, and returns the line
// numbers by Seq.
func exportLines(t *testing.T, s *Store, path string) map[uint64]int {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	numbers := make(map[uint64]int)
	err = s.Export(t.Context(), ExportRequest{}, func(batch []Entry) error {
		for i := range batch {
			numbers[batch[i].Seq] = len(numbers) + 1
			if _, err := fmt.Fprintln(out, batch[i].Message); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, out.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return numbers
}

var (
	beginsWithID = regexp.MustCompile(`(?i)^[a-z]*[0-9]`)
	endsWithAnID = regexp.MustCompile(`(?i)[0-9][a-z]*$`)
	plainWord    = regexp.MustCompile(`^[\pL\pN]+$`) // which needs no quotes in a query
)

// grep returns the lines of the file that have the text, each behind its number.
// A text is found anywhere, in any case: what -i -F does. Only where it begins
// or ends with a run of ASCII letters and digits that holds a digit, an id, it
// is found as a whole, so that dev1 does not find dev10. grep's own -w would
// mean something else by it: to that _ and 超 are parts of a word.
func grep(t *testing.T, path, text string) (lines []string) {
	t.Helper()
	args := []string{"-n", "-a", "-i", "-F", "-e", text, path}
	if begins, ends := beginsWithID.MatchString(text), endsWithAnID.MatchString(text); begins || ends {
		pattern := `\Q` + text + `\E`
		if begins {
			pattern = `(?<![A-Za-z0-9])` + pattern
		}
		if ends {
			pattern += `(?![A-Za-z0-9])`
		}
		args = []string{"-n", "-a", "-i", "-P", "-e", pattern, path}
	}
	cmd := exec.Command("grep", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 { // there is none
		return nil
	}
	if err != nil {
		t.Fatalf("grep %q: %v", args, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// needGrep ends a test on a machine without grep.
func needGrep(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("grep"); err == nil {
		return
	} else if os.Getenv("CI") != "" {
		t.Fatal(err)
	} else {
		t.Skip(err)
	}
}

// grepTexts are words, ids, Chinese words and phrases, and parts of messages
// that there are.
func grepTexts(r *rand.Rand) []string {
	texts := []string{
		"timeout", "TIMEOUT", "readtimeout", "meo", "out", "redis", "Upstream", "connection", "connection refused", "n ref", "a", "ab", "none",
		"dev", "dev1", "DEV1", "dev10", "ev1", "socketserver_dev1", "_dev1", "uid=12", "uid=123", "uid", "=12", "10.0.0.7", "0.0.7", "0.0.0",
		"abc", "abc1", "1abc", "xabc1", "9", "x9y", "x9", "1", "超时", "接超", "连接超时", "时", "日志", "日志10", "密码abc1", "abc1密码", "ärger", "ÄRGER", "café",
		"CAFÉ", "é9", "👍", "main.lua:12", "lua:12:", "[error]", "(2)", "[31m", "api/v1", "id=7", "HTTP/1.1", "ead", "face",
	}
	for range 40 {
		runes := []rune(strings.TrimSpace(grepMessage(r)))
		if len(runes) == 0 {
			continue
		}
		from := r.IntN(len(runes))
		text := strings.TrimSpace(string(runes[from:min(len(runes), from+1+r.IntN(12))]))
		if text != "" && !strings.ContainsAny(text, `"\*?`+"\t\x1b") { // which mean something in a query
			texts = append(texts, text)
		}
	}
	return texts
}

func TestWordsFindTheLinesThatGrepFindsInAnExport(t *testing.T) {
	needGrep(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	s := grepStore(t, r)
	path := filepath.Join(t.TempDir(), "export.txt")
	numbers := exportLines(t, s, path)
	empty := 0
	for _, text := range grepTexts(r) {
		query := textQuery(`"` + text + `"`)
		if plainWord.MatchString(text) {
			query = textQuery(text)
		}
		want := grep(t, path, text)
		if len(want) == 0 {
			empty++
		}
		var got []string
		for _, e := range findAll(t, s, query) {
			got = append(got, fmt.Sprintf("%d:%s", numbers[e.Seq], e.Message))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q finds %d lines, grep %d (-grep +tagtail):\n%s", text, len(got), len(want), diff)
		}
		n, err := s.Count(t.Context(), CountRequest{Query: query})
		if err != nil || n != uint64(len(want)) {
			t.Errorf("%q: count %d, error %v, grep finds %d", text, n, err, len(want))
		}
	}
	if empty > 40 {
		t.Errorf("%d texts are found nowhere", empty)
	}
}
