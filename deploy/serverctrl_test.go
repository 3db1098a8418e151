package deploy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheOriginalsFilesGiveItsInstances(t *testing.T) {
	instances, problems, err := LoadServerctrl("testdata/serverctrl", Layout{})
	if err != nil || len(problems) > 0 {
		t.Fatalf("got problems %v, %v", problems, err)
	}
	var names []string
	for _, in := range instances {
		names = append(names, in.Name)
	}
	want := strings.Fields(`redis/master redis/dev1 redis/dev2 redis/dev3 redis/dev4
		socketserver/master socketserver/dev1 socketserver/dev2 socketserver/dev3 socketserver/dev4`)
	if diff := cmp.Diff(names, want); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(instances[6], Instance{
		Name: "socketserver/dev1", Kind: Nginx, Port: 1081,
		Prefix:  "/opt/hhl/socketserver/dev1",
		Conf:    "/opt/hhl/socketserver/dev1/conf/nginx.conf",
		PIDFile: "/opt/hhl/socketserver/dev1/run/nginx.pid",
		Tags:    []string{"socketserver_dev1", "socketserver-dev1", "socketserver_dev1_access"},
	}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(instances[1], Instance{
		Name: "redis/dev1", Kind: Redis, Port: 6381,
		Prefix: "/opt/redis", Conf: "/opt/redis/etc/6381.conf", PIDFile: "/opt/redis/var/6381.pid",
		Tags: []string{"redis-6381", "redis_dev1", "redis-dev1"},
	}); diff != "" {
		t.Error(diff)
	}
}

func TestProblemsHaveTheirPlaceAndHideNothing(t *testing.T) {
	w := newWorld(t)
	w.write("nginx.socketserver.templ.conf", w.original("nginx.socketserver.templ.conf"))
	w.write("nginx.socketserver.sub.py", `{
'master': {'WORKER_PROCESSES': 1, 'LUA_CODE_CACHE': 'off', 'LISTEN': '1080', 'SERVER_NAME': 'localhost'},
'dev1': {'LISTEN': '1081; include /etc/passwd'},
'dev2': {'LISTEN': '1080'},
'Dev3': {'LISTEN': '1083'},
'dev4': {'LISTEN': ['1084']},
'dev5': {'LISTEN': '1085', 'USER_NAME': 'root', 'LITSEN': 'x'},
'dev6': '1086',
7: {},
'dev8': {'LISTEN': '1088'},
}`)
	w.write("nginx.broken.sub.py", "{\n'master': {'LISTEN': '1'}\n'dev1': {}}")
	w.write("nginx.typo.templ.conf", "worker_processes 1;\nlisten $LISTNE;\n")
	w.write("nginx.typo.sub.py", "{'master': {'LISTEN': '2001'}}")
	w.write("nginx.bare.sub.py", "{'dev1': {'LISTEN': '2002'}}")
	w.write("nginx.lonely.templ.conf", "")
	w.write("redis.sub.py", "['no dict']")
	w.write("nginx.Upper.sub.py", "{}")
	w.write("README", "not ours")
	instances, problems, err := LoadServerctrl(w.serverctrl, w.layout)
	if err != nil {
		t.Fatal(err)
	}
	var names, got []string
	for _, in := range instances {
		names = append(names, in.Name)
	}
	for _, p := range problems {
		got = append(got, p.Error())
	}
	if diff := cmp.Diff(names, strings.Fields(`bare/dev1 socketserver/master socketserver/dev1 socketserver/dev2
		socketserver/dev4 socketserver/dev5 socketserver/dev8 typo/master`)); diff != "" {
		t.Error(diff)
	}
	want := []string{
		`nginx.Upper.sub.py: service "Upper": a name begins with a letter a-z and has at most 32 letters a-z, digits, - and _`,
		`nginx.bare.sub.py: warning: nginx.bare.templ.conf is missing; the instances are shown and cannot be rendered`,
		`nginx.bare.sub.py:1:1: the key 'master' with the base values is missing`,
		`nginx.broken.sub.py:3:1: expected ',' or '}'`,
		`nginx.lonely.templ.conf: warning: nginx.lonely.sub.py with its values is missing`,
		`redis.sub.py:1:1: the file must be one dict { 'master': { … }, … }, not a list`,
		`nginx.socketserver.sub.py:5:1: owner "Dev3": a name begins with a letter a-z and has at most 32 letters a-z, digits, - and _`,
		`nginx.socketserver.sub.py:8:9: the values of dev6 must be a dict, not a str`,
		`nginx.socketserver.sub.py:9:1: an owner's name must be text in quotes`,
		`nginx.socketserver.sub.py:3:20: LISTEN: value "1081; include /etc/passwd" has a forbidden character: ;`,
		`nginx.socketserver.sub.py:4:20: port 1080 of socketserver/dev2 is already that of socketserver/master`,
		`nginx.socketserver.sub.py:6:20: LISTEN: a value must be text or a whole number, not a list`,
		`nginx.socketserver.sub.py:7:41: USER_NAME is given by Tagtail and cannot be set here`,
		`nginx.socketserver.sub.py:7:59: warning: LITSEN is not used in nginx.socketserver.templ.conf`,
		`nginx.typo.templ.conf:2:8: $LISTNE has no value; write $$ for a dollar sign that stays`,
		`nginx.typo.sub.py:1:23: warning: LISTEN is not used in nginx.typo.templ.conf`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestAMissingServerctrlDirectoryIsAnError(t *testing.T) {
	if _, _, err := LoadServerctrl(filepath.Join(t.TempDir(), "none"), Layout{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
}

func TestAPIDFileOfTheTemplatesIsTheInstances(t *testing.T) {
	w := newWorld(t)
	w.write("nginx.a.templ.conf", "pid logs/own.pid; events {} http { server { listen $LISTEN; } }")
	w.write("nginx.a.sub.py", "{'master': {'LISTEN': 2000}}")
	if got, want := w.load()[0].PIDFile, w.layout.Root+"/a/master/logs/own.pid"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNginxTagIsOneThatNginxAccepts(t *testing.T) {
	seen := map[string]bool{}
	for _, owner := range []string{"dev1", "zhang-xiao_ming", "a-very-long-name-of-32-letters-a", "a-very-long-name-of-32-letters-b"} {
		for _, suffix := range []string{"", "_access"} {
			tag := nginxTag("socketserver", owner, suffix)
			if len(tag) > 32 || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || !strings.HasSuffix(tag, suffix) || seen[tag] {
				t.Errorf("%s%s: got %q, want a new one of at most 32 letters, digits and _", owner, suffix, tag)
			}
			seen[tag] = true
		}
	}
	if got := nginxTag("socketserver", "dev1", "_access"); got != "socketserver_dev1_access" {
		t.Errorf("got %s", got)
	}
}
