package deploy

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestANginxWhoseProbeLeftASocketBehindIsStarted(t *testing.T) {
	need(t, "nginx")
	w := newWorld(t)
	all := w.sockets(map[string]int{"dev1": freePort(t)})
	in := all[len(all)-1]
	writeTestFile(t, in.Prefix+"/src/main.lua", `ngx.say("hi")`)
	c := w.control(all, nil)
	path := filepath.Join(in.Prefix, probeSocket)
	if err := makeDirs(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	wantFailed(t, do(t, c, in.Name, Start), "somebody listens on "+path)
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	mustDo(t, c, in.Name, Start)
	conf, err := os.ReadFile(in.Conf)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := (account{}).findProbe(conf)
	if !ok || !p.answers(t.Context()) {
		t.Errorf("the probe %+v does not answer", p)
	}
	wantOutput(t, mustDo(t, c, in.Name, Reload), "generation "+p.generation+" answered 5 new connections in a row")
	if (probe{socket: p.socket, generation: "0123456789ab"}).answers(t.Context()) {
		t.Error("the probe answers for another generation")
	}
	t.Run("a reload that loads another configuration is told", func(t *testing.T) {
		// As if nginx had taken the file of before.
		edit(t, in, "location = / { return 200 \""+p.generation, "location = / { set $x 1; return 200 \"ffffffffffff\"; return 200 \""+p.generation)
		wantFailed(t, do(t, c, in.Name, Reload), "does not answer with "+p.generation)
	})
	mustDo(t, c, in.Name, Stop)
	if _, err := os.Lstat(path); err == nil {
		t.Error("nginx left its probe behind")
	}
}

func TestAnInstanceWithALongPathHasNoProbe(t *testing.T) {
	for _, prefix := range []string{"/opt/" + strings.Repeat("x", 100), "/opt/a b", "/opt/a;b", "relative"} {
		if line, ok := probeLine(Instance{Prefix: prefix}); ok {
			t.Errorf("%s: got %s", prefix, line)
		}
	}
}
