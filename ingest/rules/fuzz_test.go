package rules

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tagtail/tagtail/ingest/rules/script"
)

// FuzzRules explains any rules and puts any message through them.
func FuzzRules(f *testing.F) {
	for _, rules := range ruleSets {
		f.Add(rules, "<174>Oct 11 22:14:15 web1 game-proxy[12]: boom")
	}
	f.Add(formats, "<14>1 2026-10-11T22:14:15Z web1 game 12 ID7 [a b=\"c\"] text")
	f.Add(fiftyRules(), benchMessage)
	f.Add("call ''", "<13>")
	f.Add("ruleset(name=\"a\nb\x1b[0m\") {\n /a\n}\n*.* call none", "<13>")
	f.Add("$template d,\"/l/%programname%\"\n*.* ?d\n& tag=\"dev1\"\n& stop", "<13>Oct 11 22:14:15 h ../..: x")
	f.Fuzz(func(t *testing.T, rules, text string) {
		if strings.Contains(strings.ToLower(rules), "include") {
			return // of files of this machine
		}
		s := script.Parse("f", rules)
		sentences := Explain(s)
		for _, n := range s.Notes {
			sentences = append(sentences, n.String())
		}
		for _, sentence := range sentences {
			if strings.ContainsFunc(sentence, unicode.IsControl) {
				t.Errorf("%q is no sentence", sentence)
			}
		}
		for _, a := range s.Actions {
			if a.Kind == script.Forward {
				return // has a folder
			}
		}
		e, err := Open(Config{Script: s, Hostname: "vm"})
		if err != nil {
			t.Fatal(err)
		}
		sorter := e.NewSorter(Input{URL: "udp://127.0.0.1:514"})
		for i := range len(text) + 1 {
			sorter.Sort([]byte(text[:i]), "127.0.0.1", time.Now())
			if i%2 == 0 {
				sorter.Undo()
			}
			if len(text) > 200 && i > 200 {
				break
			}
		}
		sorter.Discard()
	})
}
