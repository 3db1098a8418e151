package push

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
)

// TestMain is git's hook when git calls it by a hook's name, as it calls
// tagtail.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); slices.Contains(HookNames(), name) {
		os.Exit(Hook(context.Background(), name, os.Getenv(SocketVariable), os.Stdin, os.Stdout))
	}
	if person := os.Getenv("TEST_SERVE"); person != "" {
		shell := Shell{
			Person: Person{Name: person}, Socket: os.Getenv(SocketVariable),
			Command: os.Getenv("SSH_ORIGINAL_COMMAND"), Protocol: os.Getenv("GIT_PROTOCOL"),
		}
		os.Exit(shell.Serve(context.Background(), os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// fakeEngine notes what it is asked, and its jobs end at once unless held.
type fakeEngine struct {
	mu      sync.Mutex
	orders  []string
	renders []string
	broken  error         // of Render
	adopts  []string      // what Adopt lists
	fail    string        // how jobs fail
	hold    chan struct{} // jobs end when it is closed
	begun   chan struct{} // gets one for each order

	values func(owner string) (changed bool, err error)        // of CheckValues, if not nil
	output func(instance string) (lines []string, fail string) // of jobs, if not nil
}

func (e *fakeEngine) Render(ctx context.Context, sha string, repo *gitrepo.Repo) error {
	if _, err := repo.Commit(ctx, sha); err != nil {
		return fmt.Errorf("the quarantine cannot be read: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.renders = append(e.renders, sha)
	return e.broken
}

func (e *fakeEngine) Preview(context.Context, string, *gitrepo.Repo) ([]string, error) {
	return []string{"-listen 1081;", "+listen 1091;"}, nil
}

func (e *fakeEngine) CheckValues(_ context.Context, owner, _, _ string, _ *gitrepo.Repo) (bool, error) {
	if e.values == nil {
		return false, nil
	}
	return e.values(owner)
}

func (e *fakeEngine) Adopt(context.Context) (string, []string, error) { return newSHA, e.adopts, nil }

func (e *fakeEngine) Publish(_ context.Context, by Person) ([]string, []string, error) {
	return []string{"library by " + by.Name}, []string{"dtserver/dev1"}, nil
}

func (e *fakeEngine) Order(o Order) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.orders = append(e.orders, o.Instance+" "+o.words())
	if o.Deploy != "" && len(o.Deploy) != 40 {
		return nil, fmt.Errorf("%q is no commit", o.Deploy)
	}
	if e.begun != nil {
		e.begun <- struct{}{}
	}
	if e.fail == "refused" {
		return nil, errors.New("it is being deployed by dev2")
	}
	j := &fakeJob{instance: o.Instance, fail: e.fail, hold: e.hold}
	if e.output != nil {
		j.lines, j.fail = e.output(o.Instance)
	}
	return j, nil
}

func (e *fakeEngine) ordered() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.orders)
}

type fakeJob struct {
	instance, fail string
	hold           chan struct{}
	lines          []string
}

func (j *fakeJob) View() deploy.JobView {
	v := deploy.JobView{ID: "job1", Instance: j.instance, State: deploy.JobSucceeded, Output: j.lines}
	if j.fail != "" {
		v.State, v.Error = deploy.JobFailed, j.fail
	}
	return v
}

func (j *fakeJob) Wait(ctx context.Context, from int) ([]string, bool, error) {
	if j.lines != nil {
		return j.lines[from:], true, nil
	}
	if from == 0 {
		return []string{"exported 1 file"}, false, nil
	}
	if j.hold != nil {
		select {
		case <-j.hold:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	return []string{"live now"}, true, nil
}

// bench is a running Gate with its repositories and a working copy.
type bench struct {
	*Gate
	engine  *fakeEngine
	work    string
	mu      sync.Mutex
	records []Record
}

func (b *bench) recorded() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, r := range b.records {
		list = append(list, fmt.Sprintf("%s %s by %q: %s", r.Event, r.Repo, r.By, r.Text))
	}
	return list
}

func startBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	root := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{engine: &fakeEngine{}, work: filepath.Join(root, "work")}
	cfg := Config{
		Socket: filepath.Join(root, "push.sock"), Hooks: filepath.Join(root, "hooks"), Program: program, Engine: b.engine,
		Instances: func() []deploy.Instance {
			var list []deploy.Instance
			for _, owner := range []string{"dev1", "dev2"} {
				list = append(list, deploy.Instance{Name: "socketserver/" + owner, Kind: deploy.Nginx},
					deploy.Instance{Name: "dtserver/" + owner, Kind: deploy.Nginx}, deploy.Instance{Name: "redis/" + owner, Kind: deploy.Redis})
			}
			return append(list, deploy.Instance{Name: "mysql/shared", Kind: deploy.Shared})
		},
		Audit: func(r Record) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.records = append(b.records, r)
		},
		JobURL: func(id string) string { return "http://host/jobs/" + id },
	}
	for name, kind := range map[string]Kind{"socketserver": Code, "serverctrl": Control, "lib": Library} {
		dir := filepath.Join(root, "git", name+".git")
		runGit(t, root, nil, "init", "-q", "--bare", dir)
		cfg.Repositories = append(cfg.Repositories, Repository{name, kind, dir})
	}
	if change != nil {
		change(&cfg)
	}
	if b.Gate, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	runGit(t, root, nil, "init", "-q", "-b", "master", b.work)
	return b
}

// runGit runs git without anybody's settings and returns what it says.
func runGit(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	out, err := gitOutput(dir, env, args...)
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

func gitOutput(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example.com", "GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example.com",
		"GORACE=atexit_sleep_ms=0", // a hook is this program, which else waits a second at its end
		"GIT_AUTHOR_DATE=2026-11-22T10:00:00Z", "GIT_COMMITTER_DATE=2026-11-22T10:00:00Z",
	}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// commit makes an empty commit with the message and gives its name.
func (b *bench) commit(t *testing.T, message string) string {
	t.Helper()
	runGit(t, b.work, nil, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message)
	return runGit(t, b.work, nil, "rev-parse", "HEAD")
}

// push pushes with a pass of the person's and returns what their terminal
// shows of our words, and whether git was content.
func (b *bench) push(t *testing.T, p Person, repo string, refs ...string) (string, bool) {
	t.Helper()
	r, ok := b.Repository(repo)
	if !ok {
		t.Fatalf("no repository %s", repo)
	}
	id, end := b.Pass(p, r, "192.0.2.7")
	defer end()
	out, err := b.pushWith(r, []string{SocketVariable + "=" + b.cfg.Socket, passVariable + "=" + id}, refs...)
	return remoteWords(out), err == nil
}

func (b *bench) pushWith(r Repository, env []string, refs ...string) (string, error) {
	receive := "git -c core.hooksPath=" + b.cfg.Hooks + " receive-pack"
	return gitOutput(b.work, env, append([]string{"push", "--receive-pack", receive, r.Dir}, refs...)...)
}

func remoteWords(out string) string {
	var words []string
	for line := range strings.SplitSeq(out, "\n") {
		if text, ok := strings.CutPrefix(line, "remote: "); ok {
			words = append(words, strings.TrimSpace(text))
		}
	}
	return strings.Join(words, "\n")
}
