package template

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// FuzzPath sends anything, and looks where its file would be.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"<13>Oct 11 22:14:15 host app: text", "<13>Oct 11 22:14:15 .. ..: x", "<13>Oct 11 22:14:15 ../../etc ../passwd: x", "<13>1 - ../.. /etc/passwd - - - x",
		"<13>1 2026-10-11T22:14:15Z . .. - - - x", "<13>Oct 11 22:14:15 h a/b/../c[1]: x", "<13>Oct 11 22:14:15 h \x00\n: x", "<13>", "", "<13>1 - " + strings.Repeat("a", 200) + " .... - - - x",
	} {
		f.Add([]byte(seed), "10.0.0.1")
	}
	var templates []*Template
	for _, text := range []string{
		"/var/log/x/%programname%", "/var/log/x/%hostname%/%app-name%.log", "/var/log/x/.%programname%", "/var/log/x/%programname%%hostname%/%$year%-%$month%-%$day%",
		"/var/log/x/%fromhost-ip%/.%app-name%.%hostname%", "/var/log/x/%programname:1:2%/%hostname:F,46:1%/%app-name:::lowercase%", "/var/log/x/%programname:::secpath-drop%",
	} {
		t, err := Parse("t", text)
		if err != nil {
			f.Fatal(err)
		}
		if err := t.CheckPath(); err != nil {
			f.Fatal(err)
		}
		templates = append(templates, t)
	}
	f.Fuzz(func(t *testing.T, frame []byte, address string) {
		var m message.Message
		opts := message.Options{Hostname: "collector"}
		if !m.Parse(frame, &opts, &message.Origin{Address: address}, time.Now()) {
			return
		}
		for _, tpl := range templates {
			path := string(tpl.AppendPath(nil, &m))
			if path != filepath.Clean(path) || !strings.HasPrefix(path, "/var/log/x/") || strings.ContainsAny(path, "\x00\n\\ ") {
				t.Errorf("%q of %q names the file %q", frame, tpl.Name, path)
			}
			for name := range strings.SplitSeq(path, "/") {
				if len(name) > 4*maxNameBytes {
					t.Errorf("%q has a name that is too long: %q", frame, path)
				}
			}
		}
	})
}
