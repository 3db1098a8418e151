package deploy

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// render renders one of the original's instances.
func render(t *testing.T, name string, opts RenderOptions) string {
	t.Helper()
	instances, _, err := LoadServerctrl("testdata/serverctrl", Layout{})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range instances {
		if in.Name == name {
			text, err := Render(in, "testdata/serverctrl", opts)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	t.Fatalf("no instance %s", name)
	return ""
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		writeTestFile(t, "testdata/"+file, got)
	}
	want, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Error(diff)
	}
}

func TestRenderShowsWhatItAdds(t *testing.T) {
	opts := RenderOptions{Syslog: "127.0.0.1:5514", Modules: []string{"/m/ndk_http_module.so", "/m/ngx_http_lua_module.so"}}
	golden(t, "socketserver_dev1.conf", render(t, "socketserver/dev1", opts))
	golden(t, "redis_dev1.conf", render(t, "redis/dev1", opts))
}

func TestRenderPlainIsTheTemplateAlone(t *testing.T) {
	got := render(t, "socketserver/dev1", RenderOptions{Plain: true, Syslog: "127.0.0.1:5514"})
	b, err := os.ReadFile("testdata/serverctrl/nginx.socketserver.templ.conf")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("$WORKER_PROCESSES", "1", "$USER_NAME", "dev1", "$LUA_CODE_CACHE", "off",
		"$LISTEN", "1081", "$SERVER_NAME", "localhost").Replace(string(b))
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestRenderAddsOnlyWhatTheTemplateLacks(t *testing.T) {
	w := newWorld(t)
	w.write("nginx.a.templ.conf", `# http {}
load_module x.so; pid "my.pid"; worker_shutdown_timeout 1s;
error_log syslog:server=$SYSLOG,tag=mine notice;
events {}
http {
    init_by_lua_block { local s = "}" -- }
        local l = [[ } ]] print({}) }
    proxy_temp_path a; client_body_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
    access_log syslog:server=$SYSLOG;
    map $host $x { ~^(.+)\.a\{2}$ 1; "quoted}" 2; }
    server { listen $LISTEN; return 200 "$USER_NAME ${GENERATION} $SERVER $PREFIX"; }
}
`)
	w.write("nginx.a.sub.py", "{'master': {'LISTEN': 2000}}")
	in := w.load()[0]
	text, err := Render(in, w.serverctrl, RenderOptions{Syslog: "unix:/run/t.sock", Modules: []string{"/m/x.so"}, Generation: "42"})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Render(in, w.serverctrl, RenderOptions{Plain: true, Syslog: "unix:/run/t.sock", Generation: "42"})
	if err != nil {
		t.Fatal(err)
	}
	probed, ok := (account{}).findProbe(text)
	if !ok || probed.socket != in.Prefix+"/run/probe.sock" {
		t.Fatalf("got the probe %+v in\n%s", probed, text)
	}
	line := fmt.Sprintf("    server { listen unix:%s; access_log off; error_log logs/error.log crit; location = / { return 200 %q; } }\n", probed.socket, probed.generation)
	want := "# a/master, rendered from nginx.a.templ.conf and nginx.a.sub.py.\n" +
		addedBegin + "\nerror_log logs/error.log crit;\n" + addedEnd + "\n" +
		strings.Replace(string(plain), "http {\n", "http {\n    "+addedBegin+"\n"+line+"    "+addedEnd+"\n", 1)
	if diff := cmp.Diff(string(text), want); diff != "" {
		t.Error(diff)
	}
	if want := `"master 42 a ` + in.Prefix + `"`; !strings.Contains(string(plain), want) {
		t.Errorf("got %s, want %s in it", plain, want)
	}
}

func TestRenderRefuses(t *testing.T) {
	w := newWorld(t)
	w.write("nginx.a.templ.conf", "daemon off; events {}")
	w.write("nginx.a.sub.py", "{'master': {}, 'dev1': {'X': ';'}}")
	a := w.layout.nginxInstance("a", "master")
	for _, c := range []struct {
		name string
		in   Instance
		opts RenderOptions
		want string
	}{
		{"a foreground nginx", a, RenderOptions{}, "nginx.a.templ.conf: daemon off: Tagtail needs a master process in the background; remove the line"},
		{"a bad value", w.layout.nginxInstance("a", "dev1"), RenderOptions{}, `nginx.a.sub.py:1:30: X: value ";" has a forbidden character: ;`},
		{"an unknown owner", w.layout.nginxInstance("a", "dev2"), RenderOptions{}, "nginx.a.sub.py:1:1: there is no entry for dev2"},
		{"a bad address", a, RenderOptions{Syslog: "x; include y"}, `the syslog address "x; include y" cannot be written into a configuration`},
		{"a command", Instance{Name: "b/c", Kind: Command}, RenderOptions{}, "b/c is of the kind command, which has no template"},
	} {
		if _, err := Render(c.in, w.serverctrl, c.opts); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

func TestARenderedNginxLogsToTheSyslogAddressUnderItsTags(t *testing.T) {
	need(t, "nginx")
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w := newWorld(t)
	all := w.sockets(map[string]int{"dev1": freePort(t)})
	in := all[len(all)-1]
	writeTestFile(t, in.Prefix+"/src/main.lua", `ngx.log(ngx.DEBUG, "deep words") ngx.say("hi")`)
	c := w.control(all, func(cfg *Config) { cfg.Render.Syslog = conn.LocalAddr().String() })
	mustDo(t, c, in.Name, Start)
	get(t, in.Port)
	missing := []string{" socketserver_dev1: ", "deep words", " socketserver_dev1_access: ", "GET /hhl"}
	buf := make([]byte, 64<<10)
	if err := conn.SetReadDeadline(time.Now().Add(testTimeout)); err != nil {
		t.Fatal(err)
	}
	for n := 0; len(missing) > 0; n++ {
		size, _, err := conn.ReadFrom(buf)
		if err != nil || n > 200 {
			t.Fatalf("%d messages came, none with %q (%v)", n, missing, err)
		}
		missing = filter(missing, func(want string) bool { return !strings.Contains(string(buf[:size]), want) })
	}
}

func filter(list []string, keep func(string) bool) []string {
	var out []string
	for _, s := range list {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}

func FuzzScanNginx(f *testing.F) {
	b, err := os.ReadFile("testdata/serverctrl/nginx.socketserver.templ.conf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`a "b\"" '{' ${x} \; ; http { content_by_lua_block { --[[ } ]] "}" [==[ } ]==] } }`))
	f.Fuzz(func(t *testing.T, conf []byte) {
		for _, d := range scanNginx(conf) {
			if d.body < 0 || d.body > len(conf) || d.body > 0 && conf[d.body-1] != '{' {
				t.Fatalf("%+v: no brace before its body in %q", d, conf)
			}
		}
		in := Layout{}.withDefaults().nginxInstance("a", "b")
		out, err := addToNginx(in, conf, RenderOptions{Syslog: "127.0.0.1:1"})
		if err != nil || strings.Contains(string(conf), addedBegin) || strings.Contains(string(conf), addedEnd) {
			return
		}
		// What was added can be taken out again: the template is all there.
		var rest strings.Builder
		inside := false
		for line := range strings.Lines(string(out)) {
			switch strings.TrimSpace(line) {
			case addedBegin:
				inside = true
			case addedEnd:
				inside = false
				continue
			}
			if !inside {
				rest.WriteString(line)
			}
		}
		if squeeze(rest.String()) != squeeze(string(conf)) {
			t.Fatalf("%q became %q", conf, out)
		}
	})
}

func squeeze(s string) string { return strings.ReplaceAll(s, "\n", "") }

func TestLinesOfAnUnknownInstanceAreNoConfiguration(t *testing.T) {
	if got := fmt.Sprint(scanNginx([]byte("} x;"))); got != "[]" {
		t.Errorf("got %s, want nothing", got)
	}
}
