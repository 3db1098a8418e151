package deploy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redis is one developer's Redis with the original's template, not started.
func redis(t *testing.T) (*world, *Controller, Instance) {
	t.Helper()
	need(t, "redis-server")
	w := newWorld(t)
	w.write("redis.templ.conf", w.original("redis.templ.conf"))
	w.write("redis.sub.py", fmt.Sprintf("{'master':{'PORT':1,'BIND':'127.0.0.1'}, 'dev1':{'PORT':%d}}", freePort(t)))
	all := w.load()
	in := all[len(all)-1]
	return w, w.control(all, nil), in
}

func TestRedisLivesFromStartToStop(t *testing.T) {
	_, c, in := redis(t)
	wantState(t, c, in.Name, Stopped, "")
	wantRefused(t, c, in.Name, Reload, "there is no reload")
	v := mustDo(t, c, in.Name, Start)
	out := strings.Join(v.Output, "\n")
	for _, part := range []string{"wrote " + in.Conf, "made " + in.Prefix + "/etc/redis.conf"} {
		if !strings.Contains(out, part) {
			t.Errorf("the start does not tell %q:\n%s", part, out)
		}
	}
	wantMode(t, in.Conf, os.Geteuid(), os.Getegid(), 0o600) // it could hold a password
	st := wantState(t, c, in.Name, Running, "")
	if st.PID == 0 || st.Started.IsZero() {
		t.Errorf("got pid %d since %s", st.PID, st.Started)
	}
	wantRefused(t, c, in.Name, Start, "runs already")
	mustDo(t, c, in.Name, Test)

	client, err := dialRedis(fmt.Sprintf("127.0.0.1:%d", in.Port), "", redisReplyLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.do("SET", "k", "v"); err != nil {
		t.Fatal(err)
	}
	mustDo(t, c, in.Name, Restart)
	again, err := dialRedis(fmt.Sprintf("127.0.0.1:%d", in.Port), "", redisReplyLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := again.do("GET", "k"); err != nil || got != "v" {
		t.Errorf("after the restart: got %q, %v, want v: SHUTDOWN saves", got, err)
	}
	if now := wantState(t, c, in.Name, Running, ""); now.PID == st.PID {
		t.Error("the restart kept the process")
	}
	mustDo(t, c, in.Name, Stop)
	wantState(t, c, in.Name, Stopped, "")
}

func TestRedisWithAPasswordIsStartedAndStopped(t *testing.T) {
	w, c, in := redis(t)
	writeTestFile(t, filepath.Join(w.layout.RedisRoot, "etc/redis.conf"), "requirepass \"secret\"\n")
	v := mustDo(t, c, in.Name, Start)
	if out := strings.Join(v.Output, "\n"); strings.Contains(out, "secret") {
		t.Errorf("the output tells the password:\n%s", out)
	}
	v = mustDo(t, c, in.Name, Stop)
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "sent SHUTDOWN") {
		t.Errorf("the stop was no SHUTDOWN:\n%s", out)
	}
}

func TestARedisThatRefusesSHUTDOWNIsEndedByTERM(t *testing.T) {
	w, c, in := redis(t)
	writeTestFile(t, filepath.Join(w.layout.RedisRoot, "etc/redis.conf"), "rename-command SHUTDOWN \"\"\n")
	mustDo(t, c, in.Name, Start)
	v := mustDo(t, c, in.Name, Stop)
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "SHUTDOWN: ERR unknown command") || !strings.Contains(out, "sent TERM") {
		t.Errorf("got the output\n%s", out)
	}
	wantState(t, c, in.Name, Stopped, "")
}

func TestABareRedisTemplateIsMadeToRun(t *testing.T) {
	need(t, "redis-server")
	w := newWorld(t)
	w.write("redis.templ.conf", "port $PORT\nbind $BIND\nsyslog-enabled no\n")
	w.write("redis.sub.py", fmt.Sprintf("{'master':{'PORT':%d,'BIND':'127.0.0.1'}}", freePort(t)))
	c := w.control(w.load(), nil)
	mustDo(t, c, "redis/master", Start)
	wantState(t, c, "redis/master", Running, "")
	mustDo(t, c, "redis/master", Stop)
}

func TestARedisWithoutAPortCannotBeStarted(t *testing.T) {
	c, err := NewController(Config{Instances: []Instance{Layout{}.withDefaults().redisInstance("dev1", 0)}})
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, c, "redis/dev1", Unknown, "its PORT is not known")
	wantRefused(t, c, "redis/dev1", Start, "its PORT is not known")
	wantRefused(t, c, "redis/dev1", Stop, "its PORT is not known")
}

func TestRedisOnATakenPortIsReported(t *testing.T) {
	_, c, in := redis(t)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", in.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	wantFailed(t, do(t, c, in.Name, Start), fmt.Sprintf("port %d is in use by process %d", in.Port, os.Getpid()))
	wantState(t, c, in.Name, Stopped, "")
}

func TestRedisTellsWhyItDoesNotStart(t *testing.T) {
	_, c, in := redis(t)
	mustDo(t, c, in.Name, Test)
	edit(t, in, "databases 16", "databases many")
	v := do(t, c, in.Name, Start)
	wantFailed(t, v, "start redis-server")
	if out := strings.Join(v.Output, "\n"); !strings.Contains(out, "FATAL CONFIG FILE ERROR") {
		t.Errorf("got no reason:\n%s", out)
	}
	edit(t, in, "databases many", "databases 16")
	edit(t, in, "bind 127.0.0.1", "bind 192.0.2.77")
	begin := time.Now()
	wantFailed(t, do(t, c, in.Name, Start), "Could not create server TCP listening socket 192.0.2.77", "abort")
	if took := time.Since(begin); took > redisStartLimit {
		t.Errorf("the reason was in the log, and waiting for an answer went on for %s", took)
	}
}

func TestRedisWithAForeignIncludeMissingIsRefused(t *testing.T) {
	_, c, in := redis(t)
	mustDo(t, c, in.Name, Test)
	edit(t, in, in.Prefix+"/etc/redis.conf", "/no/such/redis.conf")
	wantFailed(t, do(t, c, in.Name, Start), "includes /no/such/redis.conf, which does not exist")
}

func TestAStrangerInRedissPIDFileIsNeverSignalled(t *testing.T) {
	_, c, in := redis(t)
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
	if err := c.drivers[Redis].act(t.Context(), in, Stop, newJob(in, JobView{Action: Stop, By: "tester"})); err == nil {
		t.Error("stop succeeded on a stranger")
	}
	if p, err := readProcess(sleep.Process.Pid); err != nil || p.zombie {
		t.Fatal("the stranger was ended")
	}
	mustDo(t, c, in.Name, Start)
	wantState(t, c, in.Name, Running, "")
}

func TestAServerThatIsNoRedisIsAnError(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "\r\n", "$-1\r\n", "$99999999\r\n", "$5\r\nab", ""} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 100)
			_, _ = conn.Read(buf)
			_, _ = conn.Write([]byte(answer))
			_ = conn.Close()
		}()
		c, err := dialRedis(l.Addr().String(), "", redisReplyLimit)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.do("PING"); err == nil {
			t.Errorf("%q is taken for the answer %q", answer, got)
		}
		_ = c.Close()
		<-served
		_ = l.Close()
	}
}
