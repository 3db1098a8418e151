package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tagtail/tagtail/internal/machine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTimeout is far above every limit of the drivers.
const testTimeout = 3 * time.Minute

// world is a server's directories, with templates for the instances of a test.
type world struct {
	t          *testing.T
	layout     Layout
	serverctrl string
}

// newWorld makes an empty one that other users can read, as nginx's workers
// are when a test runs as root.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t, layout: Layout{Root: dir + "/hhl", RedisRoot: dir + "/redis"}, serverctrl: dir + "/serverctrl"}
	if machine.Inside() { // where the units look
		w.layout = Layout{}.withDefaults()
	}
	if err := makeDirs(w.serverctrl, w.layout.Root, w.layout.RedisRoot); err != nil {
		t.Fatal(err)
	}
	return w
}

// write writes a file below the serverctrl directory.
func (w *world) write(name, text string) {
	w.t.Helper()
	writeTestFile(w.t, filepath.Join(w.serverctrl, name), text)
}

func writeTestFile(t *testing.T, path, text string) {
	t.Helper()
	if err := makeDirs(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// original is one of the replaced system's files, moved to this world's
// directories: there it says /opt/hhl and /opt/redis.
func (w *world) original(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/serverctrl", name))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.NewReplacer("/opt/hhl", w.layout.Root, "/opt/redis", w.layout.RedisRoot).Replace(string(b))
}

// sockets gives the world the original's socketserver for some developers.
func (w *world) sockets(listen map[string]int) []Instance {
	w.t.Helper()
	w.write("nginx.socketserver.templ.conf", w.original("nginx.socketserver.templ.conf"))
	sub := "    {'master':{'WORKER_PROCESSES':1,'LUA_CODE_CACHE':'off','LISTEN':'1','SERVER_NAME':'localhost'},\n"
	for _, owner := range sortedKeys(listen) {
		sub += fmt.Sprintf("'%s':{'LISTEN':'127.0.0.1:%d'},\n", owner, listen[owner])
	}
	w.write("nginx.socketserver.sub.py", sub+"}\n")
	return w.load()
}

func (w *world) load() []Instance {
	w.t.Helper()
	instances, problems, err := LoadServerctrl(w.serverctrl, w.layout)
	if err != nil || len(problems) > 0 {
		w.t.Fatalf("got problems %v, %v", problems, err)
	}
	return instances
}

// control starts a controller for the instances; all that it started is ended
// with the test.
func (w *world) control(instances []Instance, change func(*Config)) *Controller {
	w.t.Helper()
	cfg := Config{Instances: instances, Serverctrl: w.serverctrl}
	if change != nil {
		change(&cfg)
	}
	c, err := NewController(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			w.t.Errorf("Run: got %v, want nil", err)
		}
		endAll(w.t, c)
	})
	return c
}

// endAll ends the processes that are proven to be a test's own.
func endAll(t *testing.T, c *Controller) {
	table := readProcessTable()
	for _, in := range c.instances() {
		as, _ := c.accounts.of(in)
		for _, p := range c.drivers[in.Kind].observe(table, in).processes {
			if err := c.cfg.supervisor().signal(context.Background(), in, as, p, syscall.SIGTERM); err != nil && !errors.Is(err, errGone) {
				t.Errorf("end %s: %v", in.Name, err)
			}
			err := waitFor(context.Background(), testTimeout, func() (bool, error) {
				c.drivers[in.Kind].observe(processTable{}, in) // reaps a child
				return !p.alive(), nil
			})
			if err != nil {
				t.Errorf("process %d of %s does not end", p.pid, in.Name)
			}
		}
	}
}

// do carries an action out and gives its end.
func do(t *testing.T, c *Controller, instance string, action Action) JobView {
	t.Helper()
	j, err := c.Do(instance, action, "tester")
	if err != nil {
		t.Fatalf("%s %s: got %v, want a job", action, instance, err)
	}
	return finish(t, j)
}

func finish(t *testing.T, j *Job) JobView {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for from, done := 0, false; !done; {
		lines, end, err := j.Wait(ctx, from)
		if err != nil {
			t.Fatalf("job %+v does not end: %v", j.View(), err)
		}
		from, done = from+len(lines), end
	}
	return j.View()
}

func mustDo(t *testing.T, c *Controller, instance string, action Action) JobView {
	t.Helper()
	v := do(t, c, instance, action)
	if v.State != JobSucceeded {
		t.Fatalf("%s %s failed: %s\n%s", action, instance, v.Error, strings.Join(v.Output, "\n"))
	}
	return v
}

// wantFailed checks that a job failed with a sentence that holds all of parts.
func wantFailed(t *testing.T, v JobView, parts ...string) {
	t.Helper()
	if v.State != JobFailed {
		t.Fatalf("%s %s: got %s, want failed\n%s", v.Action, v.Instance, v.State, strings.Join(v.Output, "\n"))
	}
	for _, part := range parts {
		if !strings.Contains(v.Error, part) {
			t.Errorf("got the error %q, want %q in it", v.Error, part)
		}
	}
}

func wantRefused(t *testing.T, c *Controller, instance string, action Action, part string) {
	t.Helper()
	_, err := c.Do(instance, action, "tester")
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Sentence, part) {
		t.Fatalf("%s %s: got %v, want a refusal with %q", action, instance, err, part)
	}
	if st := statusOf(t, c, instance); !strings.Contains(st.Refused[action], part) {
		t.Errorf("%s %s: the status says %q, want %q in it", action, instance, st.Refused[action], part)
	}
}

func statusOf(t *testing.T, c *Controller, instance string) Status {
	t.Helper()
	for _, st := range c.Status(t.Context()) {
		if st.Instance.Name == instance {
			return st
		}
	}
	t.Fatalf("no status of %s", instance)
	return Status{}
}

func wantState(t *testing.T, c *Controller, instance string, want State, detail string) Status {
	t.Helper()
	st := statusOf(t, c, instance)
	if st.State != want || (detail == "") != (st.Detail == "") || !strings.Contains(st.Detail, detail) {
		t.Fatalf("%s: got %s, %q, want %s, %q", instance, st.State, st.Detail, want, detail)
	}
	return st
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// need skips a test whose peer is not installed; under CI that is a failure.
func need(t testing.TB, program string) {
	t.Helper()
	if _, ok := findProgram(program); ok {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}
