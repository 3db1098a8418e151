package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Users of the tests; no machine need know them.
const (
	testUID  = 54321
	otherUID = 54322
)

// needRoot skips a test of what only root can do.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start processes of other users")
	}
}

func testAccount(t *testing.T, name string) account {
	t.Helper()
	a, err := lookUp(name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func runAs(uid int) func(*Config) {
	return func(cfg *Config) { cfg.RunAs = strconv.Itoa(uid) }
}

// procStatus gives a line of /proc/PID/status.
func procStatus(t *testing.T, pid int, key string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Join(strings.Fields(text), " ")
		}
	}
	t.Fatalf("process %d has no %s", pid, key)
	return ""
}

func wantProcessOf(t *testing.T, pid, uid int) {
	t.Helper()
	id := strings.TrimSpace(strings.Repeat(strconv.Itoa(uid)+" ", 4)) // real, effective, saved, of the file system
	for key, want := range map[string]string{
		"Uid": id, "Gid": id, "Groups": "", "NoNewPrivs": "1", "CapInh": "0000000000000000",
		"CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapAmb": "0000000000000000",
	} {
		if got := procStatus(t, pid, key); got != want {
			t.Errorf("process %d: %s is %q, want %q", pid, key, got, want)
		}
	}
}

func wantMode(t *testing.T, path string, uid, gid int, mode os.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Error(err)
		return
	}
	st := info.Sys().(*syscall.Stat_t)
	if int(st.Uid) != uid || int(st.Gid) != gid || info.Mode() != mode {
		t.Errorf("%s is %d:%d %s, want %d:%d %s", path, st.Uid, st.Gid, info.Mode(), uid, gid, mode)
	}
}

// wantDenied checks what the account may not do.
func wantDenied(t *testing.T, a account, what string, f func() error) {
	t.Helper()
	if err := a.do(f); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%s: %s gives %v, want that it is denied", a.name, what, err)
	}
}

func reading(path string) func() error {
	return func() error { _, err := os.ReadFile(path); return err }
}

func writing(path string) func() error {
	return func() error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
		if err == nil {
			err = f.Close()
		}
		return err
	}
}

func TestNginxRunsAsItsOwnUser(t *testing.T) {
	needRoot(t)
	f := newFieldWith(t, runAs(testUID))
	user, other := testAccount(t, strconv.Itoa(testUID)), testAccount(t, strconv.Itoa(otherUID))
	f.code.commit("dev1", "UP", answering("one"))
	f.must(Order{Deploy: &Deploy{}})
	v := mustDo(t, f.c, f.in.Name, Start)
	wantOutput(t, v, fmt.Sprintf("runs as process %d of %d on port", statusOf(t, f.c, f.in.Name).PID, testUID))
	f.answers("one")
	pid := statusOf(t, f.c, f.in.Name).PID
	wantProcessOf(t, pid, testUID)
	workers := readProcessTable().children(pid, isServing)
	if len(workers) != 1 {
		t.Fatalf("got the workers %v", workers)
	}
	wantProcessOf(t, workers[0].pid, testUID)

	below := func(name string) string { return filepath.Join(f.in.Prefix, name) }
	wantMode(t, f.in.Prefix, 0, testUID, os.ModeDir|0o750)
	wantMode(t, below("conf"), 0, 0, os.ModeDir|0o755)
	wantMode(t, below("conf/nginx.conf"), 0, testUID, 0o640)
	wantMode(t, below("releases"), 0, 0, os.ModeDir|0o755)
	wantMode(t, below("logs"), testUID, testUID, os.ModeDir|0o750)
	wantMode(t, below("run"), testUID, testUID, os.ModeDir|0o750)
	wantMode(t, below("logs/error.log"), testUID, testUID, 0o640)
	for _, name := range []string{"conf/nginx.conf", "conf/more.conf", "src/main.lua", "releases/x", "x"} {
		wantDenied(t, user, "writing "+name, writing(below(name)))
	}
	for _, name := range []string{"conf/nginx.conf", "src/main.lua", "logs/error.log"} {
		if err := user.do(reading(below(name))); err != nil {
			t.Error(err)
		}
		wantDenied(t, other, "reading "+name, reading(below(name)))
	}

	t.Run("deploys, configurations and signals work", func(t *testing.T) {
		f.code.commit("dev1", "UP", answering("two"))
		f.must(Order{Deploy: &Deploy{}})
		f.answers("two")
		f.ctrl.commit("master", "fewer", f.templates(strings.Replace(templateWithExtra, "1024", "512", 1), "on", freePort(t)))
		wantOutput(t, f.must(Order{Apply: &Apply{}}), "reloaded: workers")
		wantMode(t, below("conf/nginx.conf"), 0, testUID, 0o640)
		wantMode(t, below("conf/history/000003-nginx.conf"), 0, testUID, 0o640)
		f.must(Order{Rollback: &Rollback{}})
		f.answers("one")
		for _, a := range []Action{Test, Reload, Reopen, Restart} {
			mustDo(t, f.c, f.in.Name, a)
		}
		wantProcessOf(t, statusOf(t, f.c, f.in.Name).PID, testUID)
		f.code.commit("dev1", "UP", map[string]string{"src/main.lua": "error('no')\n"})
		v := f.order(Order{Deploy: &Deploy{}})
		wantFailed(t, v, "health GET /hhl: 500")
		wantOutput(t, v, "logs/error.log: lua entry thread aborted")
		mustDo(t, f.c, f.in.Name, Quit)
		mustDo(t, f.c, f.in.Name, Start)
		mustDo(t, f.c, f.in.Name, Stop)
	})
}

// What the user can put in root's way, in folders that are the user's own, and
// in those that were it before.
func TestRootFollowsNoLinksOfTheUsers(t *testing.T) {
	needRoot(t)
	f := newFieldWith(t, runAs(testUID))
	user := testAccount(t, strconv.Itoa(testUID))
	f.code.commit("dev1", "UP", answering("one"))
	f.must(Order{Deploy: &Deploy{}})
	mustDo(t, f.c, f.in.Name, Start)
	secret := filepath.Join(filepath.Dir(f.serverctrl), "secret")
	if err := os.WriteFile(secret, []byte("2026/01/01 00:00:00 [error] 1#1: the secret of root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(f.in.Prefix, nginxErrorLog)
	below := func(name string) string { return filepath.Join(f.in.Prefix, name) }
	asUser := func(g func() error) {
		t.Helper()
		if err := user.do(g); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a log that is a link is not shown", func(t *testing.T) {
		asUser(func() error { return errors.Join(os.Remove(log), os.Symlink(secret, log)) })
		if lines := user.linesSince(log, 0, 10); lines != nil {
			t.Errorf("got %q", lines)
		}
		if lines := (account{}).linesSince(log, 0, 10); len(lines) != 1 {
			t.Errorf("got %q, want the secret: the test proves nothing", lines)
		}
		f.code.commit("dev1", "UP", map[string]string{"src/main.lua": "error('no')\n"})
		v := f.order(Order{Deploy: &Deploy{}})
		wantFailed(t, v, "health GET")
		if out := strings.Join(v.Output, "\n"); strings.Contains(out, "secret of root") {
			t.Errorf("the output tells it:\n%s", out)
		}
	})
	t.Run("and one with a second name neither", func(t *testing.T) {
		if err := errors.Join(os.Remove(log), os.Link(secret, log)); err != nil {
			t.Fatal(err)
		}
		if lines := user.linesSince(log, 0, 10); lines != nil {
			t.Errorf("got %q", lines)
		}
	})
	t.Run("a probe that is a link is not asked", func(t *testing.T) {
		conf, err := readLimited(f.in.Conf, maxTemplateBytes)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := user.findProbe(conf)
		if !ok || !p.answers(t.Context()) {
			t.Fatal("the instance's own does not answer")
		}
		p.as = testAccount(t, strconv.Itoa(otherUID))
		if _, err := p.ask(t.Context()); err == nil || !strings.Contains(err.Error(), "user 54321 listens in place of 54322") {
			t.Errorf("got %v", err)
		}
	})
	mustDo(t, f.c, f.in.Name, Stop)
	t.Run("a folder that others can write to is not used", func(t *testing.T) {
		elsewhere := t.TempDir()
		move := func(name string) {
			t.Helper()
			if err := errors.Join(os.Rename(below(name), below(name)+".old"), os.Symlink(elsewhere, below(name))); err != nil {
				t.Fatal(err)
			}
		}
		back := func(name string) {
			t.Helper()
			if err := errors.Join(os.Remove(below(name)), os.Rename(below(name)+".old", below(name))); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"conf", "releases", "logs", "run"} {
			move(name)
			wantFailed(t, do(t, f.c, f.in.Name, Start), below(name), "move it away")
			if name == "releases" {
				wantFailed(t, f.order(Order{Deploy: &Deploy{}}), below(name), "move it away")
			}
			back(name)
		}
		if err := os.Lchown(f.in.Prefix, testUID, testUID); err != nil {
			t.Fatal(err)
		}
		wantFailed(t, do(t, f.c, f.in.Name, Start), f.in.Prefix+" has to be a folder of root's", "run chown -R root")
		if list, err := os.ReadDir(elsewhere); err != nil || len(list) > 0 {
			t.Errorf("root has written %v there", list)
		}
	})
}

func TestWhatRootHasStartedBecomesTheUsersWithARestart(t *testing.T) {
	needRoot(t)
	f := newFieldWith(t, func(cfg *Config) { cfg.RunAs = "root" })
	f.code.commit("dev1", "UP", answering("one"))
	f.must(Order{Deploy: &Deploy{}})
	mustDo(t, f.c, f.in.Name, Start)
	pid := statusOf(t, f.c, f.in.Name).PID
	if got := procStatus(t, pid, "Uid"); got != "0 0 0 0" {
		t.Fatalf("it runs as %s", got)
	}
	c := f.control([]Instance{f.in}, func(cfg *Config) { *cfg = f.c.cfg; cfg.RunAs, cfg.JobsDir = strconv.Itoa(testUID), "" })
	if st := wantState(t, c, f.in.Name, Running, ""); st.PID != pid {
		t.Errorf("got process %d, want %d", st.PID, pid)
	}
	wantOutput(t, mustDo(t, c, f.in.Name, Reload), "runs as root until it is restarted, and then as 54321", "reloaded: workers")
	wantMode(t, filepath.Join(f.in.Prefix, "logs"), 0, 0, os.ModeDir|0o755)
	mustDo(t, c, f.in.Name, Restart)
	f.answers("one")
	wantProcessOf(t, statusOf(t, c, f.in.Name).PID, testUID)
	wantMode(t, filepath.Join(f.in.Prefix, nginxErrorLog), testUID, testUID, 0o644)
	mustDo(t, c, f.in.Name, Stop)
}

func TestRedisRunsAsItsOwnUser(t *testing.T) {
	needRoot(t)
	need(t, "redis-server")
	w := newWorld(t)
	w.write("redis.templ.conf", w.original("redis.templ.conf")+"\nrequirepass $PASSWORD\n")
	w.write("redis.sub.py", fmt.Sprintf("{'master':{'PORT':1,'BIND':'127.0.0.1','PASSWORD':'x'}, 'dev1':{'PORT':%d,'PASSWORD':'one'}, 'dev2':{'PORT':%d,'PASSWORD':'two'}}", freePort(t), freePort(t)))
	all := w.load()
	one, two := &all[len(all)-2], &all[len(all)-1]
	one.RunAs, two.RunAs = strconv.Itoa(testUID), strconv.Itoa(otherUID)
	// As root has left it.
	writeTestFile(t, filepath.Join(w.layout.RedisRoot, "var", fmt.Sprintf("%d.log", one.Port)), "old\n")
	c := w.control(all, nil)
	mustDo(t, c, one.Name, Start)
	mustDo(t, c, two.Name, Start)
	wantProcessOf(t, statusOf(t, c, one.Name).PID, testUID)
	wantProcessOf(t, statusOf(t, c, two.Name).PID, otherUID)
	wantMode(t, one.Conf, 0, testUID, 0o640)
	wantMode(t, filepath.Join(w.layout.RedisRoot, "var"), 0, 0, os.ModeDir|os.ModeSticky|0o777)
	user := testAccount(t, two.RunAs)
	wantDenied(t, user, "reading another's password", reading(one.Conf))
	wantDenied(t, user, "writing its configuration", writing(two.Conf))
	wantDenied(t, user, "removing another's log", func() error {
		return os.Remove(filepath.Join(w.layout.RedisRoot, "var", fmt.Sprintf("%d.log", one.Port)))
	})
	mustDo(t, c, one.Name, Restart) // and it saves
	mustDo(t, c, one.Name, Stop)
	data := filepath.Join(w.layout.RedisRoot, "var", fmt.Sprintf("%d.rdb", one.Port))
	wantDenied(t, user, "writing another's data", writing(data))
	if err := errors.Join(os.Remove(data), user.do(writing(data))); err != nil {
		t.Fatal(err)
	}
	wantFailed(t, do(t, c, one.Name, Start), data+" is not a file of 54321: remove it")
}

func TestACommandRunsAsItsOwnUser(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	in := Instance{
		Name: "worker/dev1", Kind: Command, Prefix: filepath.Join(w.layout.Root, "worker/dev1"), RunAs: "54321:54322",
		Argv: []string{"/bin/sh", "-c", `umask; echo "home $HOME"; id -u; id -g; echo ready; while :; do sleep 0.05; done`},
	}
	c := w.control([]Instance{in}, nil)
	mustDo(t, c, in.Name, Start)
	awaitLog(t, in, "ready")
	if got, want := logText(t, in), "0027\nhome /\n54321\n54322\nready\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := procStatus(t, os.Getpid(), "Umask"); got == "0027" {
		t.Error("our own umask is the child's")
	}
	mustDo(t, c, in.Name, Stop)
	user := testAccount(t, "54321")
	t.Run("a log that is a link is not written to", func(t *testing.T) {
		target := filepath.Join(w.layout.Root, "target")
		writeTestFile(t, target, "")
		if err := user.do(func() error { return errors.Join(os.Remove(commandLog(in)), os.Symlink(target, commandLog(in))) }); err != nil {
			t.Fatal(err)
		}
		wantFailed(t, do(t, c, in.Name, Start), "permission denied")
		if b, err := os.ReadFile(target); err != nil || len(b) > 0 {
			t.Errorf("it has %q, %v", b, err)
		}
		if err := os.Remove(commandLog(in)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a pid file proves nothing about root's processes", func(t *testing.T) {
		own, err := readProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := user.do(func() error { return os.WriteFile(commandPIDFile(in), []byte(trackedText(own)), 0o644) }); err != nil {
			t.Fatal(err)
		}
		wantState(t, c, in.Name, Failed, "it ended without being stopped")
		wantRefused(t, c, in.Name, Reload, "does not run")
	})
}

func TestAUserThatIsNotThereIsTold(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	in := Instance{Name: "worker/dev1", Kind: Command, Prefix: filepath.Join(w.layout.Root, "worker/dev1"), Argv: []string{"/bin/sleep", "60"}}
	no := func(runAs, part string) {
		t.Helper()
		if err := (Config{Instances: []Instance{in}, RunAs: runAs}).Validate(); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got %v, want %q in it", runAs, err, part)
		}
	}
	no("nosuchuser", "run_as: there is no OS user nosuchuser: make one (useradd --system nosuchuser), or name another in run_as")
	no("54321:nosuchgroup", "run_as: there is no OS group nosuchgroup")
	no("4294967295", "there is no OS user 4294967295")
	no("a b", `run_as "a b" is not possible`)
	no("{name}", `run_as "{name}" is not possible`)
	c := w.control([]Instance{in}, func(cfg *Config) { cfg.RunAs = "nosuch-{service}-{owner}" })
	wantRefused(t, c, in.Name, Start, "worker/dev1 cannot be started: there is no OS user nosuch-worker-dev1: make one")

	root := in
	root.Name = "worker/root"
	c = w.control([]Instance{root}, func(cfg *Config) { cfg.RunAs = "{owner}" })
	wantRefused(t, c, root.Name, Start, "makes it root, as which only an instance that is named runs")
	if as, err := (&accounts{}).of(root); err != nil || as.foreign() {
		t.Errorf("without run_as %s runs as %+v, %v", root.Name, as, err)
	}
	daemon := in
	daemon.Name = "worker/daemon"
	if as, err := (&accounts{}).of(daemon); err != nil || as.foreign() {
		t.Errorf("without run_as %s runs as %+v, %v: it is not a person's", daemon.Name, as, err)
	}
	if first := unprivilegedPorts(); first > 80 {
		low := in
		low.Port, low.RunAs = 80, "54321"
		c = w.control([]Instance{low}, nil)
		wantFailed(t, do(t, c, low.Name, Start), fmt.Sprintf("worker/dev1 runs as 54321, which may not listen on port 80: give it a port from %d on", first))
	}
	t.Run("and one that cannot come near", func(t *testing.T) {
		if err := os.Chmod(w.layout.Root, 0o700); err != nil {
			t.Fatal(err)
		}
		shut := in
		shut.RunAs = "54321"
		c = w.control([]Instance{shut}, nil)
		wantFailed(t, do(t, c, shut.Name, Start), "54321, as which it is to run, cannot enter "+shut.Prefix, "chmod o+x")
	})
}

func TestFoldersThatAConfigurationNamesAreTheUsers(t *testing.T) {
	in := Instance{Prefix: "/p"}
	conf := `pid temp/nginx.pid; error_log syslog:server=x; error_log /p/log/error.log; error_log /var/log/x;
http { access_log off; access_log a/b/access.log; proxy_temp_path body 1 2; client_body_temp_path conf/x; proxy_cache_path /p/cache/$x; uwsgi_temp_path ../up; }`
	got := strings.Join(writtenFolders(in, []byte(conf)), " ")
	if want := "/p/logs /p/run /p/temp /p/log /p/a /p/body /p/cache"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
