package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tagtail/tagtail/internal/machine"
)

// ownMachine runs a test of units where systemd is the first process, as the OS
// user, mostly tagtail, who is in the groups of the developers dev1 and dev-2.
func ownMachine(t *testing.T, user string) bool {
	t.Helper()
	need(t, "nginx")
	need(t, "redis-server")
	files, err := Config{Instances: []Instance{
		Layout{}.withDefaults().nginxInstance("socketserver", "dev1"), Layout{}.withDefaults().nginxInstance("web-server", "dev-2"), Layout{}.withDefaults().redisInstance("dev1", 0),
	}}.UnitFiles("tagtail")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range files {
		writeTestFile(t, filepath.Join(dir, name), text)
	}
	return machine.Own(t, machine.Config{User: user, Setup: `
		for name in dev1 dev-2 tagtail; do useradd --system --user-group "$name"; done
		usermod -aG dev1,dev-2 tagtail
		rm -rf /opt/hhl /opt/redis; mkdir -p /opt/hhl /opt/redis; chown tagtail: /opt/hhl /opt/redis
		cp -r ` + dir + `/tagtail-* /etc/systemd/system
		install -D -m 644 -t /etc/polkit-1/rules.d ` + dir + `/50-tagtail.rules
		systemctl daemon-reload
		systemctl start polkit`})
}

func bySystemd(cfg *Config) { cfg.Supervision = Systemd }

func TestSystemdMovesNginxForATagtailThatIsNotRoot(t *testing.T) {
	if !ownMachine(t, "tagtail") {
		return
	}
	w := newWorld(t)
	all := w.sockets(map[string]int{"dev1": freePort(t)})
	in := all[len(all)-1]
	w.write("nginx.web-server.templ.conf", strings.ReplaceAll(w.original("nginx.socketserver.templ.conf"), "socketserver", "web-server"))
	w.write("nginx.web-server.sub.py", fmt.Sprintf(`{'master':{'WORKER_PROCESSES':1,'LUA_CODE_CACHE':'on','LISTEN':'2','SERVER_NAME':'localhost'},
		'dev-2':{'LISTEN':'127.0.0.1:%d'}}`, freePort(t)))
	all = w.load()
	c := w.control(all, bySystemd)
	lua(t, in, "one")

	v := mustDo(t, c, in.Name, Start)
	wantOutput(t, v, "$ systemctl start tagtail-check-socketserver@dev1.service")
	wantOutput(t, v, "$ systemctl start tagtail-nginx-socketserver@dev1.service")
	wantOutput(t, v, "of dev1 on port")
	if got := get(t, in.Port); got != "one" {
		t.Fatalf("got %q, want one", got)
	}
	user := testAccount(t, "dev1")
	st := wantState(t, c, in.Name, Running, "")
	for key, want := range map[string]string{
		"Uid": strings.TrimSpace(strings.Repeat(fmt.Sprint(user.uid)+" ", 4)), "NoNewPrivs": "1", "CapBnd": "0000000000000000",
		"CapEff": "0000000000000000", "Seccomp": "2",
	} {
		if got := procStatus(t, st.PID, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	slice, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", st.PID))
	if err != nil || !strings.Contains(string(slice), "/tagtail-dev1.slice/tagtail-nginx-socketserver@dev1.service") {
		t.Errorf("its control group is %s %v", slice, err)
	}
	wantRefused(t, c, in.Name, Start, "runs already")

	t.Run("a reload is proven", func(t *testing.T) {
		edit(t, in, "lua_code_cache off", "lua_code_cache on")
		v := mustDo(t, c, in.Name, Reload)
		wantOutput(t, v, "reloaded: workers")
		wantOutput(t, v, "answered 5 new connections in a row")
		mustDo(t, c, in.Name, Reopen)
		if again := statusOf(t, c, in.Name); again.PID != st.PID {
			t.Errorf("the master changed from %d to %d", st.PID, again.PID)
		}
	})
	t.Run("a broken configuration is refused", func(t *testing.T) {
		edit(t, in, "worker_connections", "worker_konnections")
		for _, a := range []Action{Reload, Restart, Test} {
			wantFailed(t, do(t, c, in.Name, a), `nginx refuses the configuration: nginx: [emerg] unknown directive "worker_konnections" in `+in.Conf)
		}
		if got := get(t, in.Port); got != "one" {
			t.Errorf("got %q, want one", got)
		}
		edit(t, in, "worker_konnections", "worker_connections")
		edit(t, in, "proxy_temp_path run/", "proxy_temp_path run/nowhere/")
		wantFailed(t, do(t, c, in.Name, Reload), `nginx refuses the configuration: nginx: [emerg] mkdir() "`+in.Prefix+`/run/nowhere/`)
		edit(t, in, "proxy_temp_path run/nowhere/", "proxy_temp_path run/")
	})
	t.Run("code sees and changes nothing of others", func(t *testing.T) {
		writeTestFile(t, in.Prefix+"/src/main.lua", `
			local function may(name, mode) local f = io.open(name, mode) return f and f:close() and "yes" or "no" end
			local prefix = ngx.config.prefix()
			ngx.say("code ", may(prefix .. "src/main.lua", "a"), ", conf ", may(prefix .. "conf/nginx.conf", "a"), ", log ", may(prefix .. "logs/own.log", "a"),
				", other ", may("/opt/hhl/web-server/dev-2/conf/nginx.conf", "r"), ", processes ", may("/proc/1/cmdline", "r"), ", etc ", may("/etc/tagtail", "a"))`)
		mustDo(t, c, in.Name, Reload)
		if got, want := get(t, in.Port), "code no, conf no, log yes, other no, processes no, etc no"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("what crashes is started again", func(t *testing.T) {
		pid := statusOf(t, c, in.Name).PID
		kill(t, "tagtail-nginx-socketserver@dev1.service", syscall.SIGKILL)
		err := waitFor(t.Context(), testTimeout, func() (bool, error) {
			now := statusOf(t, c, in.Name)
			return now.State == Running && now.PID != pid && now.Detail == "" && len(readProcessTable().children(now.PID, isServing)) > 0, nil
		})
		if err != nil {
			t.Fatalf("it is %+v", statusOf(t, c, in.Name))
		}
		mustDo(t, c, in.Name, Reload)
	})
	t.Run("restart, quit and stop", func(t *testing.T) {
		mustDo(t, c, in.Name, Restart)
		mustDo(t, c, in.Name, Quit)
		wantState(t, c, in.Name, Stopped, "")
		mustDo(t, c, in.Name, Start)
		mustDo(t, c, in.Name, Stop)
		wantState(t, c, in.Name, Stopped, "")
		wantRefused(t, c, in.Name, Stop, "does not run")
	})
	t.Run("names that systemd has to escape", func(t *testing.T) {
		other := all[len(all)-1]
		if other.Name != "web-server/dev-2" {
			t.Fatalf("got %s", other.Name)
		}
		lua(t, other, "two")
		wantOutput(t, mustDo(t, c, other.Name, Start), `tagtail-nginx-web\x2dserver@dev\x2d2.service`)
		if got := get(t, other.Port); got != "two" {
			t.Errorf("got %q, want two", got)
		}
		mustDo(t, c, other.Name, Stop)
	})
	t.Run("a start that nginx gives up is told in its words", func(t *testing.T) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		edit(t, in, "server_name  localhost", "listen "+taken.Addr().String()+"; server_name  localhost")
		wantFailed(t, do(t, c, in.Name, Start), "start nginx: nginx: [emerg] still could not bind()")
		wantState(t, c, in.Name, Stopped, "")
	})
	t.Run("polkit lets nothing else through", func(t *testing.T) {
		bus, err := dialSystemd(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer bus.Close()
		for what, err := range map[string]error{
			"start of another unit": bus.start(t.Context(), "systemd-logind.service"),
			"stop of another unit":  bus.stop(t.Context(), "dbus.service"),
			"start of a like unit":  bus.start(t.Context(), "tagtail-nginx-socketserver@dev1-x.service"),
			"freeze":                freeze(t.Context(), bus, "tagtail-nginx-socketserver@dev1.service"),
		} {
			if err == nil || !strings.Contains(err.Error(), "systemd lets tagtail not") {
				t.Errorf("%s: got %v, want a refusal", what, err)
			}
		}
	})
}

func TestDeploysAndConfigurationsWorkThroughSystemd(t *testing.T) {
	if !ownMachine(t, "tagtail") {
		return
	}
	f := newFieldWith(t, bySystemd)
	f.code.commit("dev1", "UP", answering("one"))
	f.must(Order{Deploy: &Deploy{}})
	mustDo(t, f.c, f.in.Name, Start)
	f.answers("one")
	f.ctrl.commit("master", "fewer", f.templates(strings.Replace(templateWithExtra, "1024", "512", 1), "on", freePort(t)))
	wantOutput(t, f.must(Order{Apply: &Apply{}}), "reloaded: workers")
	f.code.commit("dev1", "UP", answering("two"))
	wantOutput(t, f.must(Order{Deploy: &Deploy{}}), "answered 5 new connections in a row")
	f.answers("two")
	f.must(Order{Rollback: &Rollback{}})
	f.answers("one")
	f.code.commit("dev1", "UP", map[string]string{"src/main.lua": "error('no')\n"})
	v := f.order(Order{Deploy: &Deploy{}})
	wantFailed(t, v, "health GET /hhl: 500")
	wantOutput(t, v, "logs/error.log: lua entry thread aborted")
	f.ctrl.commit("master", "broken", f.templates(strings.Replace(templateWithExtra, "1024", "many", 1), "on", freePort(t)))
	wantFailed(t, f.order(Order{Apply: &Apply{}}), `invalid number "many" in `+f.in.Conf+".new", "the old configuration goes on serving")
	uid := os.Geteuid()
	gid := int(testAccount(t, "dev1").gid)
	for name, mode := range map[string]os.FileMode{
		"": os.ModeDir | 0o750, "conf/nginx.conf": 0o640, "logs": os.ModeDir | os.ModeSetgid | 0o770, "run": os.ModeDir | os.ModeSetgid | 0o770,
	} {
		wantMode(t, filepath.Join(f.in.Prefix, name), uid, gid, mode)
	}
}

// kill sends a signal that Tagtail never does.
func kill(t *testing.T, unit string, sig syscall.Signal) {
	t.Helper()
	bus, err := dialSystemd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	if err := bus.kill(t.Context(), unit, sig); err != nil {
		t.Fatal(err)
	}
}

// freeze asks for what is not among the rule's verbs.
func freeze(ctx context.Context, bus unitBus, unit string) error {
	return refusedBySystemd("freeze", unit, bus.(systemdBus).conn.FreezeUnit(ctx, unit))
}

func TestSystemdMovesNginxForRootToo(t *testing.T) {
	if !ownMachine(t, "") {
		return
	}
	w := newWorld(t)
	all := w.sockets(map[string]int{"dev1": freePort(t)})
	in := all[len(all)-1]
	c := w.control(all, bySystemd)
	lua(t, in, "one")
	mustDo(t, c, in.Name, Start)
	if got := get(t, in.Port); got != "one" {
		t.Errorf("got %q, want one", got)
	}
	uid := int(testAccount(t, "dev1").uid)
	if status := procStatus(t, statusOf(t, c, in.Name).PID, "Uid"); !strings.HasPrefix(status, fmt.Sprint(uid)+" ") {
		t.Errorf("it runs as %s, want %d", status, uid)
	}
	wantMode(t, in.Prefix+"/logs", uid, int(testAccount(t, "dev1").gid), os.ModeDir|0o750)
	for _, action := range []Action{Reload, Reopen, Restart, Stop} {
		mustDo(t, c, in.Name, action)
	}
}

func TestSystemdMovesRedis(t *testing.T) {
	if !ownMachine(t, "tagtail") {
		return
	}
	w := newWorld(t)
	w.write("redis.templ.conf", w.original("redis.templ.conf"))
	w.write("redis.sub.py", fmt.Sprintf("{'master':{'PORT':1,'BIND':'127.0.0.1'}, 'dev1':{'PORT':%d}}", freePort(t)))
	all := w.load()
	in := all[len(all)-1]
	c := w.control(all, bySystemd)
	wantOutput(t, mustDo(t, c, in.Name, Start), "$ systemctl start tagtail-redis@dev1.service")
	st := wantState(t, c, in.Name, Running, "")
	if uid := procStatus(t, st.PID, "Uid"); !strings.HasPrefix(uid, fmt.Sprint(testAccount(t, "dev1").uid)+" ") {
		t.Errorf("it runs as %s", uid)
	}
	set := func() {
		t.Helper()
		client, err := dialRedis(fmt.Sprintf("127.0.0.1:%d", in.Port), "", redisReplyLimit)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.do("SET", "k", "v"); err != nil {
			t.Fatal(err)
		}
	}
	set()
	mustDo(t, c, in.Name, Restart)
	client, err := dialRedis(fmt.Sprintf("127.0.0.1:%d", in.Port), "", redisReplyLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got, err := client.do("GET", "k"); err != nil || got != "v" {
		t.Errorf("after the restart: got %q, %v, want v: SHUTDOWN saves", got, err)
	}
	pid := statusOf(t, c, in.Name).PID
	kill(t, "tagtail-redis@dev1.service", syscall.SIGKILL)
	if err := waitFor(t.Context(), testTimeout, func() (bool, error) {
		now := statusOf(t, c, in.Name)
		return now.State == Running && now.PID != pid && now.Detail == "", nil
	}); err != nil {
		t.Fatalf("it is %+v", statusOf(t, c, in.Name))
	}
	mustDo(t, c, in.Name, Stop)
	wantState(t, c, in.Name, Stopped, "")
}

// exposure is how much systemd thinks that a unit may still do, in tenths: 0 is
// nothing, 100 all.
const exposure = 16

func TestTheUnitsAreSoundAndShutIn(t *testing.T) {
	need(t, "systemd-analyze")
	files, err := Config{RunAs: "{service}-{owner}:www-data", Layout: Layout{Root: "/srv/x"}, Instances: []Instance{
		Layout{}.nginxInstance("socketserver", "dev1"), Layout{}.redisInstance("dev1", 0),
	}}.UnitFiles("logs")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range files {
		writeTestFile(t, filepath.Join(dir, name), text)
	}
	for name, want := range map[string][]string{
		"50-tagtail.rules":                    {`subject.user != "logs"`},
		"tagtail-.slice.d/limits.conf":        {"MemoryMax="},
		"tagtail-nginx-socketserver@.service": {"User=%J-%I\nGroup=www-data\n", "-p /srv/x/%J/%I ", "TemporaryFileSystem=/srv/x:ro"},
		"tagtail-check-socketserver@.service": {"User=%J-%I\nGroup=www-data\n", " -t\n", "Type=oneshot"},
		"tagtail-redis@.service":              {"/opt/redis/etc/%I.conf"},
		"tagtail-nginx-service@.service":      nil,
	} {
		for _, part := range want {
			if !strings.Contains(files[name], part) {
				t.Errorf("%s has no %q:\n%s", name, part, files[name])
			}
		}
		if _, ok := files[name]; ok == (want == nil) || len(files) != 5 {
			t.Errorf("got the files %v", sortedKeys(files))
		}
	}
	for _, unit := range []string{"tagtail-nginx-socketserver@dev1.service", "tagtail-check-socketserver@dev1.service", "tagtail-redis@dev1.service"} {
		// Its name has to be an instance's: templates alone cannot be looked at.
		template, _, _ := strings.Cut(unit, "@")
		path := filepath.Join(dir, unit)
		writeTestFile(t, path, files[template+"@.service"])
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", fmt.Sprintf("--threshold=%d", exposure), path).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze security: %v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Log(lines[len(lines)-1])
	}
	for _, user := range []string{"", "a b", `x"); //`, "Root"} {
		if _, err := (Config{}).UnitFiles(user); err == nil {
			t.Errorf("the user %q is taken", user)
		}
	}
	if _, err := (Config{Layout: Layout{Root: "/opt/a b"}}).UnitFiles("tagtail"); err == nil || !strings.Contains(err.Error(), "cannot stand in a unit") {
		t.Errorf("got %v", err)
	}
}

func TestUnitNamesAreEscapedAsSystemdDoes(t *testing.T) {
	need(t, "systemd-escape")
	for _, text := range []string{"dev1", "dev-2", "a_b", "a.b", ".a", "a/b", "socket server", "é", "1", "a:b", `a\b`, "web-server", "-", "x@y"} {
		want, err := exec.Command("systemd-escape", "--", text).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := EscapeUnit(text); got != strings.TrimSpace(string(want)) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// fakeBus is a systemd of which a test says what it knows.
type fakeBus struct {
	state unitState
	err   error
	calls []string
}

func (b *fakeBus) do(call string, words ...string) error {
	b.calls = append(b.calls, strings.Join(append([]string{call}, words...), " "))
	return b.err
}

func (b *fakeBus) start(_ context.Context, unit string) error  { return b.do("start", unit) }
func (b *fakeBus) stop(_ context.Context, unit string) error   { return b.do("stop", unit) }
func (b *fakeBus) reload(_ context.Context, unit string) error { return b.do("reload", unit) }
func (b *fakeBus) kill(_ context.Context, unit string, sig syscall.Signal) error {
	return b.do("kill", unit, sig.String())
}
func (b *fakeBus) look(context.Context, string) (unitState, error) { return b.state, nil }
func (b *fakeBus) Close()                                          {}

func fakeSystemd(bus *fakeBus) systemd {
	return systemd{Layout{}.withDefaults(), func(context.Context) (unitBus, error) { return bus, nil }}
}

func TestSystemdIsAskedForInstancesOfTheLayoutOnly(t *testing.T) {
	as := account{name: "dev1", uid: testUID, gid: testUID}
	good := Layout{}.withDefaults().nginxInstance("socketserver", "dev1")
	moved, odd, shared := good, good, good
	moved.Prefix = "/srv/socketserver"
	odd.Name = "socketserver/dev1;reboot"
	shared.Kind = Command
	redis := Layout{}.withDefaults().redisInstance("dev1", 6381)
	cache := redis
	cache.Name = "cache/dev1"
	for _, c := range []struct {
		in   Instance
		bus  fakeBus
		want string // of the error; none: it is started
	}{
		{good, fakeBus{state: unitState{found: true, user: "dev1"}}, ""},
		{good, fakeBus{state: unitState{found: true, user: strconv.Itoa(testUID)}}, ""},
		{good, fakeBus{}, "systemd has no unit tagtail-nginx-socketserver@.service: write it with tagtail units"},
		{good, fakeBus{state: unitState{found: true, user: "root"}}, `runs as "root", and run_as says dev1`},
		{good, fakeBus{state: unitState{found: true, user: "dev1"}, err: errors.New("no")}, "no"},
		{moved, fakeBus{}, "socketserver/dev1 has no unit of systemd"},
		{odd, fakeBus{}, "has no unit of systemd: a name begins with"},
		{shared, fakeBus{}, "has no unit of systemd"},
		{cache, fakeBus{}, "cache/dev1 has no unit of systemd"},
	} {
		_, err := fakeSystemd(&c.bus).run(t.Context(), c.in, as, task{name: startTask}, newJob(c.in, JobView{}))
		switch {
		case c.want == "" && (err != nil || strings.Join(c.bus.calls, ", ") != "start tagtail-nginx-socketserver@dev1.service"):
			t.Errorf("%s: got %v, %v", c.in.Name, c.bus.calls, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q in it", c.in.Name, err, c.want)
		}
	}
}

func TestSystemdSignalsOnlyTheProvenMainProcess(t *testing.T) {
	in := Layout{}.withDefaults().nginxInstance("socketserver", "dev1")
	self, err := readProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	bus := &fakeBus{state: unitState{found: true, mainPID: self.pid}}
	as := account{name: "dev1", uid: uint32(self.uid)}
	if err := fakeSystemd(bus).signal(t.Context(), in, as, self, syscall.SIGHUP); err == nil || !strings.Contains(err.Error(), "was not started by systemd as tagtail-nginx-socketserver@dev1.service") {
		t.Errorf("outside of the unit: got %v", err)
	}
	as.uid++
	if err := fakeSystemd(bus).signal(t.Context(), in, as, self, syscall.SIGHUP); err == nil || !strings.Contains(err.Error(), "is to run as dev1") {
		t.Errorf("of another user: got %v", err)
	}
	other := self
	other.ticks++
	if err := fakeSystemd(bus).signal(t.Context(), in, as, other, syscall.SIGHUP); !errors.Is(err, errGone) {
		t.Errorf("with the number of another: got %v", err)
	}
	if bus.calls != nil {
		t.Errorf("systemd was asked to %v", bus.calls)
	}
}
