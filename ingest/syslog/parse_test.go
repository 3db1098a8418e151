package syslog

import (
	"strings"
	"testing"

	"github.com/tagtail/tagtail/index"
)

func TestOddHeadersAreRead(t *testing.T) {
	long := strings.Repeat("x", maxTagBytes)
	tests := []struct{ name, frame, host, app, message string }{
		{"byte order mark behind the PRI", "<13>\ufeffapp: text", testPeer, "app", "text"},
		{"IPv6 hostname", "<13>Oct 11 22:14:15 2001:db8::7 app: text", "2001:db8::7", "app", "text"},
		{"a tag of hexadecimal digits", "<13>Oct 11 22:14:15 dead: beef: text", testPeer, "dead", "beef: text"},
		{"hostname ending in a dot", "<13>Oct 11 22:14:15 host. app: text", testPeer, "host.", "app: text"},
		{"longest tag", "<13>Oct 11 22:14:15 h " + long + ": text", "h", long, "text"},
		{"longer than a tag", "<13>Oct 11 22:14:15 h " + long + "x: text", "h", "", long + "x: text"},
		{"control character in the tag", "<13>Oct 11 22:14:15 h a\tb: text", "h", "", "a\tb: text"},
		{"an URL without a timestamp", "<13>http://x/ is down", testPeer, "", "http://x/ is down"},
		{"a clock without a date", "<13>12:30:01 x", testPeer, "", "12:30:01 x"},
		{"text that starts like RFC 5424", "<13>1 file changed", testPeer, "", "1 file changed"},
		{"a list without a PRI", "1 - first item", testPeer, "", "1 - first item"},
		{"unclosed bracket in the tag", "<13>Oct 11 22:14:15 h app[7: text", "h", "app[7", "text"},
		{"quotes that do not pair", `<13>1 - h app - - [a b="c] text`, "h", "app", "text"},
		{"elements that never end", `<13>1 - h app - - [a b="c text`, "h", "app", `[a b="c text`},
		{"no space behind the elements", `<13>1 - h app - - [a b="c"]text`, "h", "app", `[a b="c"]text`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := testOptions("udp")
			e := index.Entry{Received: testNow, Source: testPeer}
			if !Parse(test.frame, &opts, &e) {
				t.Fatal("there is nothing in it")
			}
			if e.Hostname != test.host || e.AppName != test.app || e.Message != test.message {
				t.Errorf("got host %q, app %q, message %q", e.Hostname, e.AppName, e.Message)
			}
		})
	}
}

func TestFramesWithoutTextAreNoMessages(t *testing.T) {
	for _, frame := range []string{"", "\x00", "\n", "\r\n\x00\n"} {
		opts := testOptions("udp")
		if e := (index.Entry{}); Parse(frame, &opts, &e) {
			t.Errorf("%q is %+v", frame, e)
		}
	}
}
