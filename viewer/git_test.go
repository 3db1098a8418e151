package viewer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/gitrepo"
	"github.com/tagtail/tagtail/deploy/push"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// gitEngine orders jobs that say one line and wait until they are let go on.
type gitEngine struct {
	goOn chan struct{} // nil: they do not wait
	mu   sync.Mutex
	did  []string
}

func (*gitEngine) Render(context.Context, string, *gitrepo.Repo) error              { return nil }
func (*gitEngine) Preview(context.Context, string, *gitrepo.Repo) ([]string, error) { return nil, nil }
func (*gitEngine) CheckValues(context.Context, string, string, string, *gitrepo.Repo) (bool, error) {
	return false, nil
}
func (*gitEngine) Adopt(context.Context) (string, []string, error) { return "", nil, nil }
func (*gitEngine) Publish(context.Context, push.Person) (lines, instances []string, err error) {
	return nil, nil, nil
}
func (e *gitEngine) Order(o push.Order) (push.Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.did = append(e.did, o.Instance+" by "+o.By.Name)
	return gitJob{e.goOn}, nil
}

type gitJob struct{ goOn chan struct{} }

func (gitJob) View() deploy.JobView { return deploy.JobView{ID: "job1", State: deploy.JobSucceeded} }
func (j gitJob) Wait(ctx context.Context, from int) ([]string, bool, error) {
	if from == 0 {
		return []string{"exported 1 file"}, false, nil
	}
	if j.goOn != nil {
		select {
		case <-j.goOn:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	return []string{"live now"}, true, nil
}

// gitServer is a server with a gate, and a working copy.
type gitServer struct {
	*testServer
	engine *gitEngine
	audit  *refusals
	work   string
	repo   string // the bare one
}

// refusals are those that the log is told of.
type refusals struct {
	mu      sync.Mutex
	refused []push.Record
}

func (r *refusals) add(record push.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if record.Event == push.Refused {
		r.refused = append(r.refused, record)
	}
}

func startGit(t *testing.T) *gitServer {
	t.Helper()
	root := t.TempDir()
	g := &gitServer{engine: &gitEngine{}, audit: &refusals{}, work: filepath.Join(root, "work"), repo: filepath.Join(root, "socketserver.git")}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	g.git(t, "", "init", "-q", "--bare", g.repo)
	g.git(t, "", "init", "-q", "--bare", filepath.Join(root, "lib.git"))
	g.git(t, "", "init", "-q", "-b", "master", g.work)
	gate, err := push.Open(push.Config{
		Socket: filepath.Join(root, "push.sock"), Hooks: filepath.Join(root, "hooks"), Program: program, Engine: g.engine, Audit: g.audit.add,
		Repositories: []push.Repository{
			{Name: "socketserver", Kind: push.Code, Dir: g.repo}, {Name: "lib", Kind: push.Library, Dir: filepath.Join(root, "lib.git")},
		},
		Instances: func() []deploy.Instance {
			return []deploy.Instance{{Name: "socketserver/dev1", Kind: deploy.Nginx}, {Name: "socketserver/dev2", Kind: deploy.Nginx}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gate.Run(ctx) }()
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.Git = gate
	// The server ends first: what it runs asks the gate.
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, gate.Close()); err != nil {
			t.Errorf("end of the gate: %v", err)
		}
	})
	g.testServer = startConfig(t, cfg, logs)
	return g
}

func (g *gitServer) git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := gitCommand(dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func gitCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example.com", "GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example.com",
	}
	return cmd
}

// address is the repository's with a person's new token.
func (g *gitServer) address(t *testing.T, person string, role accounts.Role, repo string) string {
	t.Helper()
	secret := newPerson(t, g.Server, person, role, tokens.Push)
	u, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(person, secret)
	return u.JoinPath("git", repo+".git").String()
}

func (g *gitServer) commit(t *testing.T, message string) {
	t.Helper()
	g.git(t, g.work, "commit", "-q", "--allow-empty", "-m", message)
}

func TestPushOverHTTPIsAnsweredWhileTheJobRuns(t *testing.T) {
	g := startGit(t)
	g.engine.goOn = make(chan struct{})
	at := g.address(t, "dev1", accounts.Developer, "socketserver")
	g.commit(t, "UP")
	cmd := gitCommand(g.work, "push", at, "HEAD:refs/heads/dev1")
	words := new(growing)
	cmd.Stderr = words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	words.await(t, "remote: [git-server] exported 1 file")
	g.commit(t, "more")
	second, err := gitCommand(g.work, "push", at, "HEAD:refs/heads/dev1").CombinedOutput()
	if err == nil || !strings.Contains(string(second), "Another push of yours to this repository is under way") {
		t.Errorf("a second push at the same time: %v\n%s", err, second)
	}
	close(g.engine.goOn)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, words)
	}
	for _, line := range []string{"socketserver/dev1: deploy of dev1", "live now", "socketserver/dev1: done"} {
		if !strings.Contains(words.String(), line) {
			t.Errorf("the terminal does not show %q:\n%s", line, words)
		}
	}
	clone := filepath.Join(t.TempDir(), "clone")
	g.git(t, "", "clone", "-q", "-b", "dev1", at, clone)
	if got := g.git(t, clone, "log", "-1", "--format=%s"); got != "UP" {
		t.Errorf("the clone's commit is %q", got)
	}
	list, err := g.tokens.List()
	if err != nil || list[0].LastUsed.IsZero() {
		t.Errorf("the token is %+v %v, want its last use", list, err)
	}
}

// growing is what a program has said so far.
type growing struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{}
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.grown != nil {
		close(g.grown)
		g.grown = nil
	}
	return g.text.Write(p)
}

func (g *growing) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

func (g *growing) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		g.mu.Lock()
		if strings.Contains(g.text.String(), text) {
			g.mu.Unlock()
			return
		}
		if g.grown == nil {
			g.grown = make(chan struct{})
		}
		grown := g.grown
		g.mu.Unlock()
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("never said %q:\n%s", text, g)
		}
	}
}

func TestPushOfMegabytesArrivesAndOneOverTheLimitIsRefused(t *testing.T) {
	g := startGit(t)
	at := g.address(t, "dev1", accounts.Developer, "socketserver")
	write := func(megabytes int) {
		noise := make([]byte, megabytes<<20)
		_, _ = rand.Read(noise)
		if err := os.WriteFile(filepath.Join(g.work, "noise"), noise, 0o600); err != nil {
			t.Fatal(err)
		}
		g.git(t, g.work, "-c", "core.compression=0", "add", "noise")
		g.commit(t, "noise")
	}
	write(5) // more than http.postBuffer: sent in chunks
	g.git(t, g.work, "-c", "core.compression=0", "push", at, "HEAD:refs/heads/dev1")
	before := g.git(t, g.repo, "rev-parse", "refs/heads/dev1")
	write(65)
	refused := func(what string, args ...string) {
		t.Helper()
		args = append([]string{"-c", "core.compression=0"}, append(args, "push", at, "HEAD:refs/heads/dev1")...)
		out, err := gitCommand(g.work, args...).CombinedOutput()
		if err == nil {
			t.Errorf("%s are taken:\n%s", what, out)
		}
		if !strings.Contains(string(out), "remote: [git-server] refused, and nothing is stored: this push has more than 64 MB") {
			t.Errorf("%s: the pusher is not told why:\n%s", what, out)
		}
		if got := g.git(t, g.repo, "rev-parse", "refs/heads/dev1"); got != before {
			t.Errorf("%s: the branch is %s, want %s", what, got, before)
		}
	}
	refused("65 MB")
	write(120) // more than what goes on to git
	refused("120 MB")
	refused("120 MB in one piece", "-c", "http.postBuffer=200m")
	g.audit.mu.Lock()
	defer g.audit.mu.Unlock()
	if n := len(g.audit.refused); n != 3 || !strings.Contains(g.audit.refused[0].Text, "more than 64 MB") || g.audit.refused[0].By != "dev1" {
		t.Errorf("the log is told of %+v, want three refusals", g.audit.refused)
	}
	if loose := g.git(t, g.repo, "count-objects", "-v"); strings.Contains(loose, "garbage: 1") {
		t.Errorf("something is left on the disk:\n%s", loose)
	}
}

func TestGitTokensOpenOnlyWhatIsTheirs(t *testing.T) {
	g := startGit(t)
	secret := newPerson(t, g.Server, "dev1", accounts.Developer, tokens.Push)
	bossSecret := newPerson(t, g.Server, "boss", accounts.Admin, tokens.Push)
	session := newSession(t, g.Server, "admin")
	basic := func(user, secret string) []string {
		return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))}
	}
	const refs, library = "/git/socketserver.git/info/refs?service=git-", "/git/lib.git/info/refs?service=git-upload-pack"
	tests := map[string]struct {
		path   string
		header []string
		status int
	}{
		"own token, fetch":         {refs + "upload-pack", basic("dev1", secret), 200},
		"own token, push":          {refs + "receive-pack", basic("dev1", secret), 200},
		"admin token":              {refs + "receive-pack", basic("admin", adminToken), 200},
		"nobody, fetch":            {refs + "upload-pack", nil, 401},
		"nobody, push":             {refs + "receive-pack", nil, 401},
		"another's name":           {refs + "receive-pack", basic("dev2", secret), 401},
		"no name":                  {refs + "receive-pack", basic("", secret), 401},
		"as bearer":                {refs + "upload-pack", []string{"Authorization", "Bearer " + adminToken}, 401},
		"session":                  {refs + "upload-pack", []string{"Cookie", g.cookieName() + "=" + session}, 401},
		"library of a developer":   {library, basic("dev1", secret), 403},
		"library of an admin":      {library, basic("boss", bossSecret), 200},
		"no such repository":       {"/git/nosuch.git/info/refs?service=git-upload-pack", basic("dev1", secret), 404},
		"path upwards":             {"/git/..%2fsocketserver.git/info/refs?service=git-upload-pack", basic("dev1", secret), 404},
		"no suffix":                {"/git/socketserver/info/refs?service=git-upload-pack", basic("dev1", secret), 404},
		"dumb protocol":            {"/git/socketserver.git/info/refs", basic("dev1", secret), 403},
		"other service":            {refs + "upload-archive", basic("dev1", secret), 403},
		"token as a password here": {"/api/v1/search", basic("dev1", secret), 401},
		"token as bearer here":     {"/api/v1/search", []string{"Authorization", "Bearer " + secret}, 403},
		"files are not served":     {"/git/socketserver.git/HEAD", basic("dev1", secret), 404},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := g.do(t, "GET", test.path, "", test.header...)
			if got.status != test.status {
				t.Errorf("status = %d %.200s, want %d", got.status, got.body, test.status)
			}
			if challenge := got.header.Get("WWW-Authenticate"); strings.HasPrefix(test.path, "/git/") && (got.status == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("challenge = %q of status %d", challenge, got.status)
			}
			g.failures.forget("127.0.0.1")
		})
	}
	g.do(t, "GET", refs+"upload-pack", "", basic("dev1", secret)...)
	for range freeFailures + 1 {
		g.do(t, "GET", refs+"upload-pack", "", basic("dev1", "guess")...)
	}
	if got := g.do(t, "GET", refs+"upload-pack", "", basic("dev1", secret)...); got.status != 429 {
		t.Errorf("after many guesses status = %d, want 429", got.status)
	}
}

func TestGitRequestsThatGitDoesNotSendAreRefused(t *testing.T) {
	g := startGit(t)
	auth := []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+adminToken))}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 2<<20))
	_ = z.Close()
	const fetch = "/git/socketserver.git/git-upload-pack"
	ctype := []string{"Content-Type", "application/x-git-upload-pack-request"}
	tests := map[string]struct {
		path, body string
		header     []string
		status     int
	}{
		"other content type": {fetch, "0000", nil, 415},
		"other service's":    {"/git/socketserver.git/git-receive-pack", "0000", ctype, 415},
		"not compressed":     {fetch, "0000", append([]string{"Content-Encoding", "gzip"}, ctype...), 400},
		"other compression":  {fetch, "0000", append([]string{"Content-Encoding", "br"}, ctype...), 400},
		"too long":           {fetch, strings.Repeat("0", maxWantBytes+1), ctype, 413},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := g.do(t, "POST", test.path, test.body, append(test.header, auth...)...); got.status != test.status {
				t.Errorf("status = %d %.200s, want %d", got.status, got.body, test.status)
			}
		})
	}
	body, err := gitBody(&http.Request{Header: http.Header{"Content-Encoding": {"gzip"}}, Body: io.NopCloser(&bomb)})
	if err != nil {
		t.Fatal(err)
	}
	body.(*cappedReader).left = 1 << 20
	if n, err := io.Copy(io.Discard, body); n != 1<<20 || !strings.Contains(fmt.Sprint(err), "inflates to more") {
		t.Errorf("read %d bytes and %v, want %d and an error", n, err, 1<<20)
	}
}

func TestHooksSeeNoPassword(t *testing.T) {
	g := startGit(t)
	cmd := g.cfg.Git.Command(t.Context(), push.Receive, push.Repository{Dir: g.repo}, "P", "version=2;id", "--stateless-rpc")
	for _, variable := range cmd.Env {
		if strings.HasPrefix(variable, "HTTP_") || strings.Contains(variable, "GIT_PROTOCOL") {
			t.Errorf("git gets %s", variable)
		}
	}
	if cmd := g.cfg.Git.Command(t.Context(), push.Upload, push.Repository{Dir: g.repo}, "", "version=2"); !strings.Contains(strings.Join(cmd.Env, " "), "GIT_PROTOCOL=version=2") {
		t.Errorf("git gets %q, want the protocol", cmd.Env)
	}
}
