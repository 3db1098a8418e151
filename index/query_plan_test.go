package index

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index/internal/words"
)

// keeps is the reference meaning of a plan, for a block of these entries.
func keeps(p plan, entries ...*Entry) bool {
	b := testBlock{entries: entries, ids: map[string]bool{}, words: map[string]bool{}}
	for _, e := range entries {
		words.Each(words.Fold(nil, e.Message), func(token []byte, _ int, kind words.Kind) {
			if kind == words.ID {
				b.ids[string(token)] = true
				b.hex = b.hex || words.Hex(string(token))
			} else {
				b.words[string(token)] = true
			}
		})
	}
	return b.keptBy(p)
}

// testBlock is what an index knows of a block.
type testBlock struct {
	entries    []*Entry
	ids, words map[string]bool
	hex        bool // some ids have letters that are no words
}

func (b *testBlock) keptBy(p plan) bool {
	switch p.op {
	case planAll:
		return true
	case planNone:
		return false
	case planAnd:
		return !slices.ContainsFunc(p.kids, func(kid plan) bool { return !b.keptBy(kid) })
	case planOr:
		return slices.ContainsFunc(p.kids, b.keptBy)
	case planInstance:
		return slices.ContainsFunc(b.entries, func(e *Entry) bool { return p.instance(e.Instance) })
	case planSeverity:
		return slices.ContainsFunc(b.entries, func(e *Entry) bool { return p.severity>>e.Severity&1 != 0 })
	case planID:
		return b.ids[p.text]
	}
	for word := range b.words {
		if hasPart(word, p) {
			return true
		}
	}
	return b.hex && p.anchor != anchorStart|anchorEnd && words.Hex(p.text)
}

func hasPart(token string, p plan) bool {
	switch p.anchor {
	case anchorStart | anchorEnd:
		return token == p.text
	case anchorStart:
		return strings.HasPrefix(token, p.text)
	case anchorEnd:
		return strings.HasSuffix(token, p.text)
	}
	return strings.Contains(token, p.text)
}

func (p plan) String() string {
	switch p.op {
	case planAll:
		return "all"
	case planNone:
		return "none"
	case planInstance:
		return "instance"
	case planSeverity:
		return fmt.Sprintf("severity:%08b", p.severity)
	case planID:
		return "id:" + p.text
	case planWord:
		text := p.text
		if p.anchor&anchorStart == 0 {
			text = "*" + text
		}
		if p.anchor&anchorEnd == 0 {
			text += "*"
		}
		return text
	}
	kids := make([]string, len(p.kids))
	for i, kid := range p.kids {
		kids[i] = kid.String()
	}
	sep := " & "
	if p.op == planOr {
		sep = " | "
	}
	return "(" + strings.Join(kids, sep) + ")"
}

func TestPlanAsksForWhatAMatchMustHave(t *testing.T) {
	tests := map[string]string{
		"":                           "all",
		"error":                      "*error*",
		"er":                         "all",
		`"read timeout at"`:          "(*read & timeout)",
		`" at "`:                     "at",
		"dev1":                       "id:dev1",
		"dev1*":                      "dev",
		"*dev1":                      "*dev",
		"*ab1cde2fgh*":               "(cde & fgh*)",
		"socketserver_dev1":          "(*socketserver & id:dev1)",
		"超时":                         "超时",
		"中文日志":                       "(中文 & 文日 & 日志)",
		"超":                          "*超*",
		"x超y":                        "超",
		"ärger":                      "(*ä & rger*)",
		"Ж":                          "*ж*",
		"a*bcd":                      "*bcd*",
		"tim?out ms":                 "(*tim* & *out*)",
		"a\xff":                      "all",
		"-error":                     "all",
		"error OR -x":                "all",
		"error dev1 OR timeout":      "((*error* & id:dev1) | *timeout*)",
		"severity>=err":              "severity:00001111",
		"-severity:err abc":          "(*abc* & severity:11110111)",
		"-(severity:err OR in:a)":    "(severity:11110111 & instance)",
		"-(severity:err abc)":        "all",
		"in:a abc":                   "(instance & *abc*)",
		"tag:abc":                    "all",
		"msg:=abc":                   "abc",
		`msg:="ab 1c"`:               "(ab & id:1c)",
		"is:trace":                   "((*stack & traceback) | (*traceback & most & recent & call & last))",
		`/timeout \d+ms/`:            "*timeout",
		`/status: \d+ms/`:            "(*status | *ſ*)",
		`/(?-i)status: \d+ms/`:       "*status",
		`/error|warn/`:               "(*error* | *warn*)",
		`/(read|write) timeout 7/`:   "((*read* | *write*) & timeout)",
		`/(error)+ (found)* (x){2}/`: "*error*",
		`/a\x{fffd}bcd/`:             "*bcd*",
		`/./`:                        "all",
	}
	for text, want := range tests {
		if got := parse(text).plan().String(); got != want {
			t.Errorf("plan of %s = %s, want %s", text, got, want)
		}
	}
}

// alphabet are the parts of random texts. They are chosen so that tokens of
// all kinds touch each other, and the ends of what is looked for.
var alphabet = strings.Split("a|b|k|i|s|K|I|S|1|2|ab|abc|dev|7f|超|时|日志|ä|Ä|ж|Ж|\u212a|\u0130|ſ|µ|μ| | |  |_|-|.|:|/|\n|\t|\\|\x00|\xff|\xe8\xb6|\xc3|\u0345|ι|Ι|ς|Σ|σ|กำ|한|\u00a0", "|")

func randomText(r *rand.Rand, parts int) string {
	var b strings.Builder
	for range r.IntN(parts + 1) {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

// randomPart returns a part of s in which some letters have another case.
func randomPart(r *rand.Rand, s string) string {
	if s == "" {
		return s
	}
	from := r.IntN(len(s))
	to := from + 1 + r.IntN(min(len(s)-from, 12))
	part := s[from:to]
	if r.IntN(2) == 0 {
		part = strings.ToValidUTF8(part, "")
	}
	var b []byte
	for i, c := range part {
		_, size := utf8.DecodeRuneInString(part[i:])
		if other := unicode.SimpleFold(c); r.IntN(4) == 0 && c != utf8.RuneError {
			b = utf8.AppendRune(b, other)
		} else {
			b = append(b, part[i:i+size]...) // a byte that is no rune stays one
		}
	}
	return string(b)
}

func randomQuery(r *rand.Rand, message string, depth int) string {
	part := randomPart(r, message)
	if r.IntN(3) == 0 {
		part = randomText(r, 5)
	}
	if depth > 0 {
		switch r.IntN(8) {
		case 0:
			return "(" + randomQuery(r, message, depth-1) + " OR " + randomQuery(r, message, depth-1) + ")"
		case 1:
			return randomQuery(r, message, depth-1) + " " + randomQuery(r, message, depth-1)
		case 2:
			return "-(" + randomQuery(r, message, depth-1) + ")"
		}
	}
	switch r.IntN(12) {
	case 0:
		return `"` + strings.ReplaceAll(part, `"`, "") + `"`
	case 1:
		return "/" + regexMeta.Replace(part) + "/"
	case 2:
		return "/(?-i)" + regexMeta.Replace(part) + "|" + regexMeta.Replace(randomPart(r, message)) + "/"
	case 3:
		return `/` + regexMeta.Replace(part) + `\w*` + regexMeta.Replace(randomPart(r, message)) + "/"
	case 4:
		return "msg:=" + `"` + message + `"`
	case 5:
		return []string{"severity:err", "severity>=warning", "-severity:info", "in:dev1", "-in:dev1", "is:trace", "owner:dev*"}[r.IntN(7)]
	case 6:
		return part + "*"
	case 7:
		return "*" + part
	case 8:
		return []string{"msg:=" + part + "*", "msg:=*" + part}[r.IntN(2)]
	case 9, 10:
		at := 0
		for i := range part {
			if r.IntN(2) == 0 {
				at = i
			}
		}
		_, size := utf8.DecodeRuneInString(part[at:])
		return part[:at] + []string{"*", "?"}[r.IntN(2)] + part[at+size:]
	}
	return part
}

var regexMeta = strings.NewReplacer(`\`, `\\`, ".", `\.`, "\x00", `\x00`, "\n", `\n`, "/", `\/`)

func randomEntry(r *rand.Rand) *Entry {
	return &Entry{
		Message:  randomText(r, 20),
		Severity: Severity(r.IntN(8)),
		Instance: []string{"a/dev1", "b/dev2", Unassigned}[r.IntN(3)],
	}
}

// TestPlanKeepsEveryMatch is what Search rests on: what Match finds, the plan
// must not exclude.
func TestPlanKeepsEveryMatch(t *testing.T) {
	const rounds = 40_000
	r := rand.New(rand.NewPCG(1, 2))
	matched, pruned, shaped := 0, 0, 0
	for range rounds {
		e := randomEntry(r)
		text := randomQuery(r, e.Message, 2)
		if r.IntN(2) == 0 {
			e = randomEntry(r) // the query is about another one
		}
		q := parse(text)
		p := q.plan()
		kept := keeps(p, e)
		if said := checkShape(t, q, e); said != "unknown" {
			shaped++
		}
		if q.Match(e) {
			matched++
			if !kept {
				t.Fatalf("query %q = %s matches %q but its plan %s does not keep it", text, q, e.Message, p)
			}
		} else if !kept {
			pruned++
		}
	}
	if matched < rounds/10 || pruned < rounds/10 || shaped < rounds/10 {
		t.Errorf("of %d rounds only %d matched, %d were pruned and %d told by the shape: the test has lost its point", rounds, matched, pruned, shaped)
	}
}

func FuzzPlanKeepsEveryMatch(f *testing.F) {
	f.Add("dev1 OR /x.y/ -a", "socketserver_dev1 日志超时", 3)
	f.Add("k1*", "\u212a12", 3)
	for _, message := range []string{nginxUp, luaTraceback, accessSlow, accessIPv6, jsonAccess, pythonFailed, pairsText} {
		f.Add("status:50x OR client:127.0.0.0/8 path:/up file:main.lua:12 took>1s", message, 3)
		f.Add("client:2001:db8::/32 OR upstream:=x* -line:3 OR bytes:1k", message, 3)
	}
	f.Fuzz(func(t *testing.T, text, message string, severity int) {
		e := &Entry{Message: message, Severity: Severity(uint(severity) % 8), Instance: "a/dev1"}
		q := parse(text)
		checkShape(t, q, e)
		if q.Match(e) && !keeps(q.plan(), e) {
			t.Errorf("query %q = %s matches %q but its plan %s does not keep it", text, q, message, q.plan())
		}
	})
}

// storedMessages are messages that nginx really sent.
func storedMessages(t testing.TB) []string {
	data, err := os.ReadFile("testdata/nginx_messages.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range bytes.Lines(data) {
		var message string
		if err := json.Unmarshal(line, &message); err != nil {
			t.Fatal(err)
		}
		out = append(out, message)
	}
	return out
}
