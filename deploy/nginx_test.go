package deploy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func fetch(port int) (string, error) {
	client := http.Client{Timeout: testTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/hhl", port))
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	return strings.TrimSpace(string(body)), errors.Join(err, resp.Body.Close())
}

func get(t *testing.T, port int) string {
	t.Helper()
	body, err := fetch(port)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func lua(t *testing.T, in Instance, answer string) {
	t.Helper()
	writeTestFile(t, in.Prefix+"/src/answer.lua", "return "+strconv.Quote(answer)+"\n")
	writeTestFile(t, in.Prefix+"/src/main.lua", "ngx.say(require('answer'))\n")
}

// edit replaces text in an instance's configuration.
func edit(t *testing.T, in Instance, old, replacement string) {
	t.Helper()
	b, err := os.ReadFile(in.Conf)
	if err != nil || !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %q (%v)", in.Conf, old, err)
	}
	writeTestFile(t, in.Conf, strings.Replace(string(b), old, replacement, 1))
}

func TestNginxLivesFromStartToStopForTwoDevelopers(t *testing.T) {
	need(t, "nginx")
	w := newWorld(t)
	ports := map[string]int{"dev1": freePort(t), "dev2": freePort(t)}
	var in [2]Instance
	all := w.sockets(ports)
	for _, i := range all {
		switch i.Name {
		case "socketserver/dev1":
			in[0] = i
		case "socketserver/dev2":
			in[1] = i
		}
	}
	lua(t, in[0], "one")
	lua(t, in[1], "two")
	c := w.control(all, nil)
	wantState(t, c, in[0].Name, Stopped, "")
	wantRefused(t, c, in[0].Name, Reload, "does not run")

	begin := time.Now()
	v := mustDo(t, c, in[0].Name, Start)
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "wrote "+in[0].Conf) {
		t.Errorf("the start does not tell that it wrote the configuration:\n%s", out)
	}
	mustDo(t, c, in[1].Name, Start)
	if one, two := get(t, in[0].Port), get(t, in[1].Port); one != "one" || two != "two" {
		t.Fatalf("got %q and %q, want one and two", one, two)
	}
	st := wantState(t, c, in[0].Name, Running, "")
	if st.PID == 0 || st.Started.Before(begin.Add(-2*time.Second)) || st.Started.After(time.Now().Add(2*time.Second)) {
		t.Errorf("got pid %d since %s, want one started after %s", st.PID, st.Started, begin)
	}
	wantRefused(t, c, in[0].Name, Start, fmt.Sprintf("runs already, as process %d", st.PID))

	// With the code cache on, new Lua needs the reload.
	edit(t, in[0], "lua_code_cache off", "lua_code_cache on")
	mustDo(t, c, in[0].Name, Reload)
	get(t, in[0].Port)
	lua(t, in[0], "three")
	if got := get(t, in[0].Port); got != "one" {
		t.Errorf("before the reload: got %q, want one", got)
	}
	mustDo(t, c, in[0].Name, Reload)
	if got := get(t, in[0].Port); got != "three" {
		t.Errorf("after the reload: got %q, want three", got)
	}
	mustDo(t, c, in[0].Name, Reopen)
	if again := wantState(t, c, in[0].Name, Running, ""); again.PID != st.PID {
		t.Errorf("the reload changed the master from %d to %d", st.PID, again.PID)
	}
	mustDo(t, c, in[0].Name, Restart)
	if again := wantState(t, c, in[0].Name, Running, ""); again.PID == st.PID {
		t.Error("the restart kept the master")
	}
	mustDo(t, c, in[0].Name, Quit)
	wantState(t, c, in[0].Name, Stopped, "")
	mustDo(t, c, in[1].Name, Stop)
	wantState(t, c, in[1].Name, Stopped, "")
	wantRefused(t, c, in[1].Name, Stop, "does not run")
}

// single is one developer's nginx, not started.
func single(t *testing.T) (*Controller, Instance) {
	t.Helper()
	need(t, "nginx")
	w := newWorld(t)
	all := w.sockets(map[string]int{"dev1": freePort(t)})
	in := all[len(all)-1]
	lua(t, in, "one")
	return w.control(all, nil), in
}

func TestABrokenConfigurationIsRefusedAndTheOldOneServes(t *testing.T) {
	c, in := single(t)
	mustDo(t, c, in.Name, Start)
	pid := statusOf(t, c, in.Name).PID
	edit(t, in, "worker_connections", "worker_konnections")
	for _, a := range []Action{Reload, Restart, Test} {
		v := do(t, c, in.Name, a)
		wantFailed(t, v, `unknown directive "worker_konnections"`)
		wantOutput(t, v, " | events {\n", " |     worker_konnections  1024;")
	}
	if got := get(t, in.Port); got != "one" {
		t.Errorf("got %q, want one", got)
	}
	if st := wantState(t, c, in.Name, Running, ""); st.PID != pid {
		t.Errorf("got process %d, want still %d", st.PID, pid)
	}
	mustDo(t, c, in.Name, Stop)
	wantFailed(t, do(t, c, in.Name, Start), `unknown directive "worker_konnections"`)
	wantState(t, c, in.Name, Stopped, "")
}

func TestAReloadThatNginxAloneRefusesIsReported(t *testing.T) {
	c, in := single(t)
	mustDo(t, c, in.Name, Start)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	// nginx -t says nothing about a busy port.
	edit(t, in, fmt.Sprintf("127.0.0.1:%d", in.Port), taken.Addr().String())
	wantFailed(t, do(t, c, in.Name, Reload), "did not take", "still could not bind()")
	if got := get(t, in.Port); got != "one" {
		t.Errorf("got %q, want one", got)
	}
}

func TestStartOnATakenPortNamesTheTaker(t *testing.T) {
	c, in := single(t)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", in.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	wantFailed(t, do(t, c, in.Name, Start), fmt.Sprintf("port %d is in use by process %d", in.Port, os.Getpid()))
}

func TestAMissingLuaFileIsAWarningOfTheTest(t *testing.T) {
	c, in := single(t)
	if err := os.Remove(in.Prefix + "/src/main.lua"); err != nil {
		t.Fatal(err)
	}
	v := mustDo(t, c, in.Name, Test)
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, in.Prefix+"/src/main.lua of content_by_lua_file does not exist") {
		t.Errorf("got no warning:\n%s", out)
	}
	if err := os.RemoveAll(in.Prefix + "/src"); err != nil {
		t.Fatal(err)
	}
	v = mustDo(t, c, in.Name, Test)
	wantOutput(t, v, "note: no code is deployed yet: push a commit with the first line UP to socketserver")
	wantState(t, c, in.Name, Stopped, "")
}

func TestQuitAndReloadLetAnOpenRequestEnd(t *testing.T) {
	c, in := single(t)
	gate := in.Prefix + "/src/gate" // the request ends when this file is there
	writeTestFile(t, in.Prefix+"/src/main.lua", `
		local f = io.open("`+gate+`.begun", "w") if f then f:close() end
		while not io.open("`+gate+`") do ngx.sleep(0.02) end
		ngx.say("done")`)
	// The worker, of another user if we are root, writes there.
	if err := os.Chmod(in.Prefix+"/src", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, a := range []Action{Reload, Quit} {
		if a == Reload {
			mustDo(t, c, in.Name, Start)
		}
		answer := make(chan string, 1)
		go func() {
			body, err := fetch(in.Port)
			if err != nil {
				body = err.Error()
			}
			answer <- body
		}()
		if err := waitFor(t.Context(), testTimeout, func() (bool, error) {
			_, err := os.Stat(gate + ".begun")
			return err == nil, nil
		}); err != nil {
			t.Fatal("the request never began")
		}
		j, err := c.Do(in.Name, a, "tester")
		if err != nil {
			t.Fatal(err)
		}
		if a == Reload {
			v := finish(t, j)
			if out := strings.Join(v.Output, "\n"); v.State != JobSucceeded || !strings.Contains(out, "still finishing their requests") {
				t.Errorf("the old worker is not told of: %s\n%s", v.Error, out)
			}
		}
		writeTestFile(t, gate, "")
		if got := <-answer; got != "done" {
			t.Errorf("%s: got %q, want done", a, got)
		}
		if v := finish(t, j); v.State != JobSucceeded {
			t.Errorf("%s failed: %s", a, v.Error)
		}
		for _, name := range []string{gate, gate + ".begun"} {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantState(t, c, in.Name, Stopped, "")
}

func TestAStalePIDFileIsFailedAndStartWorksOverIt(t *testing.T) {
	c, in := single(t)
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	writeTestFile(t, in.PIDFile, strconv.Itoa(dead.Process.Pid)+"\n")
	wantState(t, c, in.Name, Failed, "left its pid file")
	wantRefused(t, c, in.Name, Stop, "does not run")
	mustDo(t, c, in.Name, Start)
	wantState(t, c, in.Name, Running, "")
}

func TestAStrangerInThePIDFileIsNeverSignalled(t *testing.T) {
	c, in := single(t)
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sleep.Process.Kill() // it may have been killed: that is what the test is about
		_ = sleep.Wait()
	})
	writeTestFile(t, in.PIDFile, strconv.Itoa(sleep.Process.Pid)+"\n")
	wantState(t, c, in.Name, Failed, "names a stranger")
	for _, a := range []Action{Stop, Quit, Reload, Reopen} {
		wantRefused(t, c, in.Name, a, "does not run")
		// Past the refusal, the driver itself must not do it either.
		if err := c.drivers[Nginx].act(t.Context(), in, a, newJob(in, JobView{Action: a, By: "tester"})); err == nil {
			t.Errorf("%s succeeded on a stranger", a)
		}
	}
	if p, err := readProcess(sleep.Process.Pid); err != nil || p.zombie {
		t.Fatal("the stranger was ended")
	}
}

func TestAMasterWithoutItsPIDFileIsFoundAndStopped(t *testing.T) {
	c, in := single(t)
	mustDo(t, c, in.Name, Start)
	if err := os.Remove(in.PIDFile); err != nil {
		t.Fatal(err)
	}
	wantState(t, c, in.Name, Running, "does not name the running process")
	wantRefused(t, c, in.Name, Start, "runs already")
	// Past the refusal, the driver itself must not start a second master.
	if err := c.drivers[Nginx].act(t.Context(), in, Start, newJob(in, JobView{Action: Start, By: "tester"})); err == nil {
		t.Error("a second master was started")
	}
	mustDo(t, c, in.Name, Stop)
	wantState(t, c, in.Name, Stopped, "")
}

func TestAnotherInstancesMasterIsNotTakenForOurs(t *testing.T) {
	for _, c := range []struct {
		title string
		want  bool
	}{
		{"nginx: master process nginx -p /a/dev1 -c conf/nginx.conf", true},
		{"nginx: master process nginx -p /a/dev1/ -c x", true},
		{"nginx: master process nginx -p/a/dev1", true},
		{"nginx: master process nginx -c x -p /a/dev1", true},
		{"nginx: master process nginx -p /a/dev10 -c x", false},
		{"nginx: master process nginx -p /a/dev1/x", false},
		{"nginx: master process nginx -p /b/a/dev1", false},
		{"nginx: master process nginx", false},
	} {
		if got := hasPrefixFlag(c.title, "/a/dev1"); got != c.want {
			t.Errorf("%q: got %v, want %v", c.title, got, c.want)
		}
	}
}

func TestAMissingProgramIsRefusedWithWhatToInstall(t *testing.T) {
	w := newWorld(t)
	c := w.control(w.sockets(map[string]int{"dev1": freePort(t)}), func(cfg *Config) { cfg.Nginx = "no-such-nginx" })
	wantRefused(t, c, "socketserver/dev1", Start, "apt install nginx")
}

func TestWithoutTemplatesAMissingConfigurationIsTold(t *testing.T) {
	need(t, "nginx")
	w := newWorld(t)
	in := w.layout.nginxInstance("socketserver", "dev1")
	c := w.control([]Instance{in}, func(cfg *Config) { cfg.Serverctrl = "" })
	wantFailed(t, do(t, c, in.Name, Start), in.Conf+" does not exist, and there are no templates to write it from")
	c = w.control([]Instance{in}, nil)
	wantFailed(t, do(t, c, in.Name, Start), in.Conf+" does not exist and cannot be written", "nginx.socketserver.templ.conf")
}

func TestANginxThatWasStartedByHandIsOurs(t *testing.T) {
	c, in := single(t)
	mustDo(t, c, in.Name, Test) // writes the configuration
	program, _ := FindNginx("")
	if out, err := runProgram(t.Context(), "/", nginxStartLimit, program, "-c", in.Conf, "-p", in.Prefix+"/", "-e", "logs/error.log"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := waitFor(t.Context(), testTimeout, func() (bool, error) { return statusOf(t, c, in.Name).State == Running, nil }); err != nil {
		t.Fatal("it is not seen")
	}
	mustDo(t, c, in.Name, Stop)
	wantState(t, c, in.Name, Stopped, "")
}

func TestAKeptConfigurationIsNoted(t *testing.T) {
	c, in := single(t)
	mustDo(t, c, in.Name, Test)
	edit(t, in, "worker_connections  1024", "worker_connections  512")
	v := mustDo(t, c, in.Name, Test)
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "note: "+in.Conf+" differs") {
		t.Errorf("got no note:\n%s", out)
	}
	if b, err := os.ReadFile(filepath.Join(in.Prefix, "conf/nginx.conf")); err != nil || !strings.Contains(string(b), "512") {
		t.Errorf("the edit is lost (%v)", err)
	}
}
