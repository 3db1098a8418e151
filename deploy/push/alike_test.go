package push

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/deploy"
)

// applied is what a job that applies a configuration prints.
func applied(in deploy.Instance, change string) []string {
	return []string{
		fmt.Sprintf("v8 %s ← configuration of serverctrl 7ebbf4f \"x\" by boss", in.Name),
		"--- nginx.conf (now)", "+++ nginx.conf (new)", "@@ -1,3 +1,3 @@",
		" # " + in.Name, "-" + change + " 1;", fmt.Sprintf("+%s 2; # socketserver_%s %d", change, in.Owner(), in.Port),
		"wrote " + in.Prefix + "/conf/nginx.conf", fmt.Sprintf("reloaded: workers %d, %d serve now", in.Port*7, in.Port*9),
		fmt.Sprintf("generation %012x answered 5 new connections in a row", in.Port*99_999_999),
	}
}

func many(n int) []deploy.Instance {
	var list []deploy.Instance
	for i := range n {
		owner := fmt.Sprintf("dev%d", i+1)
		list = append(list, deploy.Instance{
			Name: "socketserver/" + owner, Kind: deploy.Nginx, Port: 1081 + i, Prefix: "/opt/hhl/socketserver/" + owner,
		})
	}
	return list
}

func TestJobsThatGoTheSameWayAreAlike(t *testing.T) {
	list := many(20)
	var kinds alikes
	for i, in := range list {
		lines, failed := applied(in, "worker_connections"), i == 17
		switch i {
		case 4:
			lines = applied(in, "worker_processes")
		case 5:
			lines = append(lines, "still finishing their requests: 12")
		case 6:
			lines[6] = strings.Replace(lines[6], " 2;", " 3;", 1)
		}
		first := kinds.add(in.Name, alikeKey(in, lines), failed)
		if want := i == 0 || i == 4 || i == 6 || i == 17; first != want {
			t.Errorf("%s: first is %t, want %t", in.Name, first, want)
		}
	}
	got := strings.Join(kinds.lines(), "\n")
	if want := "as socketserver/dev1, and done: socketserver/dev2, socketserver/dev3, socketserver/dev4, socketserver/dev6, socketserver/dev8, … (11 more)"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if a, b := alikeKey(list[0], applied(list[0], "x")), alikeKey(deploy.Instance{Name: "dtserver/dev1"}, applied(list[0], "x")); a == b {
		t.Error("two services are alike")
	}
	kinds.add("socketserver/dev30", alikeKey(list[17], applied(list[17], "worker_connections")), true)
	if got := kinds.lines(); len(got) != 2 || got[1] != "FAILED as socketserver/dev18: socketserver/dev30" {
		t.Errorf("got %q", got)
	}
}

func TestAPushForManyInstancesShowsOneOfThoseThatGoTheSameWay(t *testing.T) {
	list := many(16)
	b := startBench(t, func(cfg *Config) { cfg.Instances = func() []deploy.Instance { return list } })
	for _, in := range list {
		b.engine.adopts = append(b.engine.adopts, in.Name)
	}
	b.engine.output = func(instance string) ([]string, string) {
		for i, in := range list {
			switch {
			case in.Name != instance:
			case i == 7:
				return applied(in, "other"), "it did not take"
			default:
				return applied(in, "worker_connections"), ""
			}
		}
		return nil, "no such instance"
	}
	b.commit(t, "fewer")
	text, stored := b.push(t, Person{Name: "boss", Admin: true}, "serverctrl", "HEAD:refs/heads/master")
	if !stored {
		t.Fatalf("the push is refused:\n%s", text)
	}
	for _, want := range []string{
		"16 instances: of those that go the same way one is shown",
		"socketserver/dev1: configuration by boss", "socketserver/dev1: done",
		"FAILED socketserver/dev8: it did not take",
		"as socketserver/dev1, and done: socketserver/dev2, socketserver/dev3, socketserver/dev4, socketserver/dev5, socketserver/dev6, … (9 more)",
	} {
		if n := strings.Count(text, want); n != 1 {
			t.Errorf("%q is shown %d times:\n%s", want, n, text)
		}
	}
	if n := strings.Count(text, "-worker_connections 1;"); n != 1 || strings.Contains(text, "socketserver/dev9: ") {
		t.Errorf("the diff is shown %d times:\n%s", n, text)
	}
	if got := len(b.engine.ordered()); got != 16 {
		t.Errorf("%d are ordered, want 16", got)
	}
}
