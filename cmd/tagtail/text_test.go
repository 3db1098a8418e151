package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

func TestEntryOnATerminalCannotDriveIt(t *testing.T) {
	received := time.Date(2026, 11, 22, 10, 42, 31, 102e6, time.UTC)
	tests := map[string]struct {
		entry index.Entry
		want  string
	}{
		"of an instance": {
			index.Entry{Received: received, Severity: index.Err, Instance: "socketserver/dev1", AppName: "socketserver_dev1", Message: "boom 超时"},
			"2026-11-22 10:42:31.102 err     socketserver/dev1    boom 超时\n",
		},
		"of nobody, with its program": {
			index.Entry{Received: received, Severity: index.Info, Instance: index.Unassigned, AppName: "sshd\x1b", Message: "x"},
			"2026-11-22 10:42:31.102 info    unassigned           sshd#033: x\n",
		},
		"with a traceback and escape sequences": {
			index.Entry{Received: received, Severity: index.Debug, Instance: "a/b", Message: "a\x1b[2J\x00\u009b1m\xff\nstack traceback:\n\t[C]\n"},
			"2026-11-22 10:42:31.102 debug   a/b                  a#033[2J#000#2331m\uFFFD\n    stack traceback:\n    \t[C]\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := newEntryPrinter(&out, false)
			p.zone = time.UTC
			if err := p.print(&test.entry); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}
