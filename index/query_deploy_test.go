package index

import (
	"strings"
	"testing"
	"time"
)

func TestDeploysBoundWhatTheirInstanceSaid(t *testing.T) {
	at := func(minute int) time.Time { return testNow.Add(time.Duration(minute-60) * time.Minute) }
	opts := ParseOptions{Now: testNow, Deploys: []Deploy{
		{"game/dev1", 43, at(30)}, {"game/dev1", 42, at(10)}, {"game/dev1", 44, at(50)}, {"game/dev2", 7, at(20)},
	}}
	tests := map[string]string{ // to the entries that match, as OWNER MINUTE
		"since:deploy":            "dev1 55, dev2 25, dev2 35, dev2 45, dev2 55",
		"after:deploy":            "dev1 55, dev2 25, dev2 35, dev2 45, dev2 55",
		"since:deploy~1":          "dev1 35, dev1 45, dev1 55",
		"before:deploy~2":         "dev1 5",
		"since:deploy~9":          "",
		"deploy:43":               "dev1 35, dev1 45",
		"deploy:v44":              "dev1 55",
		"release:7":               "dev2 25, dev2 35, dev2 45, dev2 55",
		"deploy:42,44":            "dev1 15, dev1 25, dev1 55",
		"deploy:last":             "dev1 55, dev2 25, dev2 35, dev2 45, dev2 55",
		"deploy:last~1":           "dev1 35, dev1 45",
		"deploy:99":               "",
		"in:dev1 since:deploy":    "dev1 55",
		"-since:deploy in:dev1":   "dev1 5, dev1 15, dev1 25, dev1 35, dev1 45",
		"since:deploy -deploy:44": "dev2 25, dev2 35, dev2 45, dev2 55",
	}
	for text, want := range tests {
		q := ParseQuery(text, opts)
		for _, term := range q.Terms() {
			if term.Hint != "" {
				t.Errorf("%s is read with the hint %s", text, term.Hint)
			}
		}
		var got []string
		for _, owner := range []string{"dev1", "dev2", "dev3"} {
			for minute := 5; minute < 60; minute += 10 {
				if q.Match(&Entry{Instance: "game/" + owner, Received: at(minute)}) {
					got = append(got, owner+" "+string(rune('0'+minute/10))+"5")
				}
			}
		}
		if found := strings.ReplaceAll(strings.Join(got, ", "), " 05", " 5"); found != want {
			t.Errorf("%s finds %s, want %s", text, found, want)
		}
	}
}

func TestDeploysThatAreNoneAreTold(t *testing.T) {
	opts := ParseOptions{Now: testNow, Deploys: []Deploy{{"game/dev1", 1, testNow}}}
	for text, says := range map[string]string{
		"deploy:x":         "deploys are 43, last",
		"deploy:0":         "deploys are 43, last",
		"deploy:last~x":    "deploys are 43, last",
		"since:deployment": "times are 15m",
		"since:deploy~-1":  "times are 15m",
		"last:deploy":      "times are 15m",
		"time:deploy":      "times are 15m",
	} {
		terms := ParseQuery(text, opts).Terms()
		if len(terms) != 1 || terms[0].Kind != "text" || !strings.Contains(terms[0].Hint, says) {
			t.Errorf("%s is read as %+v, want text with the hint %q", text, terms, says)
		}
	}
}

func TestOnlyOwnEntriesAreDeploys(t *testing.T) {
	q := parse("is:deploy")
	for event, want := range map[string]bool{"DEPLOY": true, "CONFIG": true, "ROLLBACK": true, "SIGNAL": true, "PUSH": false, "REFUSED": false, "": false} {
		if got := q.Match(&Entry{Format: FormatOwn, AppName: "git-server", MsgID: event}); got != want {
			t.Errorf("own %q is a deploy: %t", event, got)
		}
		if q.Match(&Entry{Format: FormatRFC5424, AppName: "git-server", MsgID: event}) {
			t.Errorf("a stranger's %q is a deploy", event)
		}
	}
}
