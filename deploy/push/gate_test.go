package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestPushersTranscript(t *testing.T) {
	b := startBench(t, nil)
	sha := b.commit(t, "some work")
	b.commit(t, "UP")
	tests := []struct {
		name    string
		message string // of a new commit; none if empty
		person  Person
		repo    string
		refs    []string
		stored  bool
		orders  []string
		says    string
	}{
		{
			"UP", "UP", dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true, []string{"socketserver/dev1 deploy of dev1 by dev1"},
			"[git-server] socketserver/dev1: deploy of dev1 by dev1   http://host/jobs/job1\n" +
				"[git-server] exported 1 file\n[git-server] live now\n[git-server] socketserver/dev1: done",
		},
		{
			"an ordinary push", "more work\n\nUP", dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true, nil,
			"[git-server] dev1 is SHA now; a commit with the first line UP deploys it",
		},
		{
			"a subject of two lines", "UP\nallen", dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true,
			[]string{"socketserver/dev1 deploy of dev1 by dev1"}, "socketserver/dev1: deploy of dev1",
		},
		{
			"a mistyped command", "UPzrong", dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true, nil,
			"[git-server] \"UPzrong\" is no command, so nothing is deployed: the first line must be exactly UP, UP BRANCH or UP COMMIT",
		},
		{
			"UP of another branch", "UP dev1", dev2Person(), "socketserver", []string{"HEAD:refs/heads/dev2"}, true,
			[]string{"socketserver/dev2 deploy of dev1 by dev2"}, "socketserver/dev2: deploy of dev1",
		},
		{
			"UP of a commit", "UP " + sha[:7], dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true,
			[]string{"socketserver/dev1 deploy of " + sha[:7] + " by dev1"}, "socketserver/dev1: deploy of " + sha[:7],
		},
		{
			"UP of no branch", "UP allen", dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true, nil,
			"[git-server] nothing is deployed: there is no branch allen",
		},
		{
			"UP of no commit", "UP 0123456", dev1, "socketserver", []string{"HEAD:refs/heads/dev1"}, true, nil,
			"[git-server] nothing is deployed: there is no commit 0123456 on any branch: push the branch that has it",
		},
		{
			"another's branch", "UP", dev1, "socketserver", []string{"HEAD:refs/heads/dev2"}, false, nil,
			"[git-server] refused, and nothing is stored: the branch dev2 is not yours: push your own, dev1",
		},
		{
			"every ref is handled", "UP", boss, "socketserver", []string{"HEAD:refs/heads/dev1", "HEAD:refs/heads/dev2"}, true,
			[]string{"socketserver/dev1 deploy of dev1 by boss", "socketserver/dev2 deploy of dev2 by boss"}, "socketserver/dev2: done",
		},
		{
			"a signal to all of OpenResty", "reload", dev1, "serverctrl", []string{"HEAD:refs/heads/dev1"}, true,
			[]string{"socketserver/dev1 reload by dev1", "dtserver/dev1 reload by dev1"}, "[git-serverctrl] socketserver/dev1: reload by dev1",
		},
		{
			"a signal to one service", "restart redis", dev1, "serverctrl", []string{"HEAD:refs/heads/dev1"}, true,
			[]string{"redis/dev1 restart by dev1"}, "[git-serverctrl] redis/dev1: done",
		},
		{
			"a signal to a service that is not there", "stop mysql", dev1, "serverctrl", []string{"HEAD:refs/heads/dev1"}, true, nil,
			"[git-serverctrl] dev1 has no mysql, so nothing is done: there are socketserver, dtserver, redis",
		},
		{
			"a mistyped signal", "relaod", dev1, "serverctrl", []string{"HEAD:refs/heads/dev1"}, true, nil,
			"[git-serverctrl] \"relaod\" is no command: the first line must be exactly one of start, stop",
		},
		{
			"a control ref", "", dev1, "socketserver", []string{":refs/control/rollback"}, true,
			[]string{"socketserver/dev1 rollback by dev1"}, "[git-server] socketserver/dev1: rollback by dev1",
		},
		{
			"up by a control ref", "", dev1, "socketserver", []string{":refs/control/up"}, true,
			[]string{"socketserver/dev1 deploy of dev1 by dev1"}, "socketserver/dev1: done",
		},
		{
			"the library", "", boss, "lib", []string{"HEAD:refs/heads/master"}, true, []string{"dtserver/dev1 reload by boss"},
			"[git-server] library by boss",
		},
		{
			"the library by a developer", "more", dev1, "lib", []string{"HEAD:refs/heads/master"}, false, nil, "only administrators push to lib",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.message != "" {
				b.commit(t, test.message)
			}
			before := len(b.engine.ordered())
			got, stored := b.push(t, test.person, test.repo, test.refs...)
			says := strings.ReplaceAll(test.says, "SHA", runGit(t, b.work, nil, "rev-parse", "--short=7", "HEAD"))
			if stored != test.stored || !strings.Contains(got, says) {
				t.Errorf("stored %t, the terminal shows\n%s\nwant %t and\n%s", stored, got, test.stored, says)
			}
			if diff := cmp.Diff(test.orders, append([]string(nil), b.engine.ordered()[before:]...)); diff != "" {
				t.Errorf("orders (-want +got):\n%s", diff)
			}
		})
	}
	wanted := []string{
		`PUSH socketserver by "dev1": dev1 pushed dev1 of socketserver: `,
		`REFUSED socketserver by "dev1": the branch dev2 is not yours: push your own, dev1`,
		`REFUSED socketserver by "dev1": "UPzrong" is no command`,
		`REFUSED lib by "dev1": only administrators push to lib`,
	}
	for _, want := range wanted {
		if !strings.Contains(strings.Join(b.recorded(), "\n"), want) {
			t.Errorf("there is no record %s in\n%s", want, strings.Join(b.recorded(), "\n"))
		}
	}
}

func dev2Person() Person { return Person{Name: "dev2"} }

func TestServerctrlThatDoesNotRenderIsNotStored(t *testing.T) {
	b := startBench(t, nil)
	b.commit(t, "templates")
	b.engine.broken = errors.New("nginx.socketserver.sub.py:7:13: expected ',' or '}'")
	got, stored := b.push(t, boss, "serverctrl", "HEAD:refs/heads/master")
	if stored || !strings.Contains(got, "cannot be used: nginx.socketserver.sub.py:7:13: expected ',' or '}'") {
		t.Errorf("stored %t, the terminal shows\n%s", stored, got)
	}
	r, _ := b.Repository("serverctrl")
	if refs := runGit(t, r.Dir, nil, "for-each-ref"); refs != "" {
		t.Errorf("there are refs: %s", refs)
	}
	if _, stored := b.push(t, dev1, "serverctrl", "HEAD:refs/heads/dev1"); !stored {
		t.Error("a developer's branch, which nothing is rendered from, is refused")
	}
	b.engine.broken, b.engine.adopts = nil, []string{"socketserver/dev1"}
	got, stored = b.push(t, boss, "serverctrl", "HEAD:refs/heads/master")
	if !stored || !strings.Contains(got, "socketserver/dev1: done") {
		t.Errorf("stored %t, the terminal shows\n%s", stored, got)
	}
}

func TestDryRunShowsWhatWouldChangeAndStoresNothing(t *testing.T) {
	b := startBench(t, nil)
	if err := os.MkdirAll(filepath.Join(b.work, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.work, "src", "main.lua"), []byte("ngx.say(1)"), 0o600); err != nil {
		t.Fatal(err)
	}
	runGit(t, b.work, nil, "add", ".")
	b.commit(t, "UP")
	for repo, test := range map[string]struct {
		ref  string
		says string
	}{
		"serverctrl":   {"HEAD:refs/heads/master", "[git-serverctrl] -listen 1081;\n[git-serverctrl] +listen 1091;\n[git-serverctrl] this was a dry run: nothing is stored"},
		"socketserver": {"HEAD:refs/heads/dev1", "has 1 files that can be deployed\n[git-server] this was a dry run: nothing is stored"},
	} {
		r, _ := b.Repository(repo)
		runGit(t, r.Dir, nil, "config", "receive.advertisePushOptions", "true")
		got, stored := b.push(t, boss, repo, "-o", "dry-run", test.ref)
		if stored || !strings.Contains(got, test.says) {
			t.Errorf("%s: stored %t, the terminal shows\n%s\nwant\n%s", repo, stored, got, test.says)
		}
	}
	if orders := b.engine.ordered(); len(orders) > 0 {
		t.Errorf("orders %q, want none", orders)
	}
	for _, record := range b.recorded() {
		t.Errorf("there is a record: %s", record)
	}
}

func TestFailedJobsAreToldAndThePushStays(t *testing.T) {
	b := startBench(t, nil)
	b.commit(t, "UP")
	b.engine.fail = "health GET /hhl is answered 500"
	got, stored := b.push(t, dev1, "socketserver", "HEAD:refs/heads/dev1")
	if !stored || !strings.Contains(got, "FAILED socketserver/dev1: health GET /hhl is answered 500") {
		t.Errorf("stored %t, the terminal shows\n%s", stored, got)
	}
	b.engine.fail = "refused"
	b.commit(t, "UP")
	got, stored = b.push(t, dev1, "socketserver", "HEAD:refs/heads/dev1")
	if !stored || !strings.Contains(got, "socketserver/dev1: it is being deployed by dev2") {
		t.Errorf("stored %t, the terminal shows\n%s", stored, got)
	}
}

func TestLostClientOnlyDetaches(t *testing.T) {
	b := startBench(t, nil)
	b.commit(t, "UP")
	b.engine.hold, b.engine.begun = make(chan struct{}), make(chan struct{}, 1)
	defer close(b.engine.hold)
	r, _ := b.Repository("socketserver")
	id, end := b.Pass(dev1, r, "192.0.2.7")
	defer end()
	// The hooks are called as git calls them; the second one's client is lost.
	sha := runGit(t, b.work, nil, "rev-parse", "HEAD")
	runGit(t, b.work, nil, "push", "-q", r.Dir, "HEAD:refs/heads/dev1")
	q := question{Op: preReceive, Pass: id, Dir: r.Dir, Updates: []string{zeros + " " + sha + " refs/heads/dev1"}}
	var out bytes.Buffer
	if last, err := ask(t.Context(), b.cfg.Socket, q, &out); err != nil || *last.Exit != 0 {
		t.Fatalf("pre-receive: %v %s", err, out.String())
	}
	q.Op = postReceive
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := ask(ctx, b.cfg.Socket, q, &out)
		ended <- err
	}()
	<-b.engine.begun
	cancel()
	if err := <-ended; err == nil {
		t.Error("the client has got its answer")
	}
	if diff := cmp.Diff([]string{"socketserver/dev1 deploy of dev1 by dev1"}, b.engine.ordered()); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
}

func TestHooksThatAreCalledByHandAreRefused(t *testing.T) {
	b := startBench(t, nil)
	sha := b.commit(t, "UP")
	r, _ := b.Repository("socketserver")
	other, _ := b.Repository("serverctrl")
	runGit(t, b.work, nil, "push", "-q", r.Dir, "HEAD:refs/heads/dev1")
	line := zeros + " " + sha + " refs/heads/dev1"
	valid, end := b.Pass(dev1, r, "192.0.2.7")
	defer end()
	spent, endSpent := b.Pass(dev1, r, "192.0.2.7")
	endSpent()
	old := b.passes.add(pass{person: dev1, repo: r}, time.Now().Add(-passLife))
	tests := map[string]struct {
		q    question
		says string
	}{
		"no pass":            {question{Op: preReceive, Dir: r.Dir, Updates: []string{line}}, "it is not known who pushes"},
		"made-up pass":       {question{Op: preReceive, Pass: "X", Dir: r.Dir, Updates: []string{line}}, "no valid pass"},
		"spent pass":         {question{Op: preReceive, Pass: spent, Dir: r.Dir, Updates: []string{line}}, "no valid pass"},
		"expired pass":       {question{Op: preReceive, Pass: old, Dir: r.Dir, Updates: []string{line}}, "no valid pass"},
		"other repository":   {question{Op: preReceive, Pass: valid, Dir: other.Dir, Updates: []string{line}}, "for another repository"},
		"no repository":      {question{Op: preReceive, Pass: valid, Dir: "relative", Updates: []string{line}}, "for another repository"},
		"other operation":    {question{Op: "update", Pass: valid, Dir: r.Dir, Updates: []string{line}}, "there is no hook"},
		"post before pre":    {question{Op: postReceive, Pass: valid, Dir: r.Dir, Updates: []string{line}}, "was not let through by this push"},
		"foreign objects":    {question{Op: preReceive, Pass: valid, Dir: r.Dir, Updates: []string{line}, Quarantine: []string{"GIT_OBJECT_DIRECTORY=/etc"}}, "objects that are not the repository's"},
		"other variables":    {question{Op: preReceive, Pass: valid, Dir: r.Dir, Updates: []string{line}, Quarantine: []string{"GIT_DIR=/"}}, "with the variable \"GIT_DIR\""},
		"no lines":           {question{Op: preReceive, Pass: valid, Dir: r.Dir}, "without an update"},
		"pass of a hacker":   {question{Op: askPass, Person: "../x", Repo: "socketserver"}, "is nobody's name"},
		"pass for no repo":   {question{Op: askPass, Person: "dev1", Repo: "nosuch"}, "there is no repository"},
		"developer's lib":    {question{Op: askPass, Person: "dev1", Repo: "lib"}, "there is no repository \"lib\" for dev1"},
		"line with no sense": {question{Op: preReceive, Pass: valid, Dir: r.Dir, Updates: []string{"HEAD"}}, "no update of a ref"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			last, err := ask(t.Context(), b.cfg.Socket, test.q, &out)
			if err != nil || test.q.Op != postReceive && *last.Exit == 0 || !strings.Contains(out.String(), test.says) {
				t.Errorf("%v, the answer is %q, want a refusal with %q", err, out.String(), test.says)
			}
		})
	}
	if orders := b.engine.ordered(); len(orders) > 0 {
		t.Errorf("orders %q, want none", orders)
	}
}

func TestPassIsGoodForOnePushOnly(t *testing.T) {
	b := startBench(t, nil)
	sha := b.commit(t, "UP")
	r, _ := b.Repository("socketserver")
	id, end := b.Pass(dev1, r, "192.0.2.7")
	defer end()
	runGit(t, b.work, nil, "push", "-q", r.Dir, "HEAD:refs/heads/dev1")
	q := question{Op: preReceive, Pass: id, Dir: r.Dir, Updates: []string{zeros + " " + sha + " refs/heads/dev1"}}
	for i, want := range []struct {
		op   string
		says string
	}{
		{preReceive, ""},
		{preReceive, "decided about already"},
		{postReceive, "socketserver/dev1: done"},
		{postReceive, "was not let through"},
	} {
		q.Op = want.op
		var out bytes.Buffer
		if _, err := ask(t.Context(), b.cfg.Socket, q, &out); err != nil || !strings.Contains(out.String(), want.says) {
			t.Errorf("%d: %s is answered %v %q, want %q", i, want.op, err, out.String(), want.says)
		}
	}
	if n := len(b.engine.ordered()); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}

func TestPreReceiveFailsClosed(t *testing.T) {
	b := startBench(t, nil)
	b.commit(t, "UP")
	r, _ := b.Repository("socketserver")
	silent := filepath.Join(t.TempDir(), "silent.sock")
	l, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = readQuestion(conn)
			conn.Close()
		}
	}()
	for name, test := range map[string]struct{ socket, says string }{
		"no socket is named":    {"", "it is not known where Tagtail runs"},
		"nobody listens":        {"/nonexistent/push.sock", "tagtail does not run"},
		"the answer breaks off": {silent, "wait for tagtail's answer"},
	} {
		out, err := b.pushWith(r, []string{SocketVariable + "=" + test.socket}, "HEAD:refs/heads/dev1")
		if err == nil || !strings.Contains(out, "nothing is stored: ") || !strings.Contains(out, test.says) {
			t.Errorf("%s: %v, the terminal shows\n%s", name, err, out)
		}
	}
}

func TestPeopleWhoPushOverAPathAreKnownByTheirUser(t *testing.T) {
	b := startBench(t, func(cfg *Config) { cfg.People = map[uint32]Person{uint32(os.Getuid()): dev1} })
	b.commit(t, "UP")
	r, _ := b.Repository("socketserver")
	env := []string{SocketVariable + "=" + b.cfg.Socket}
	for range 2 { // one person, many pushes
		out, err := b.pushWith(r, env, "HEAD:refs/heads/dev1")
		if err != nil || !strings.Contains(out, "socketserver/dev1: done") {
			t.Errorf("%v, the terminal shows\n%s", err, out)
		}
		b.commit(t, "UP")
	}
	if out, err := b.pushWith(r, env, "HEAD:refs/heads/dev2"); err == nil || !strings.Contains(out, "the branch dev2 is not yours") {
		t.Errorf("%v, the terminal shows\n%s", err, out)
	}
}

func TestSocketIsTheServersOwn(t *testing.T) {
	b := startBench(t, nil)
	info, err := os.Stat(b.cfg.Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v %v, want 0600", info, err)
	}
	if trusted(uint32(os.Getuid())+1) || !trusted(uint32(os.Getuid())) {
		t.Error("another user is trusted, or one's own is not")
	}
	if _, err := Open(b.cfg); err == nil || !strings.Contains(err.Error(), "another tagtail answers there") {
		t.Errorf("a second gate opens: %v", err)
	}
}

func TestKeysForcedCommandPushesForItsPerson(t *testing.T) {
	b := startBench(t, nil)
	b.commit(t, "UP")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Where sshd would be, git calls what sshd would call.
	ssh := filepath.Join(t.TempDir(), "ssh")
	script := "#!/bin/sh\nfor last; do :; done\nSSH_ORIGINAL_COMMAND=\"$last\" TEST_SERVE=dev1 exec '" + program + "'\n"
	if err := os.WriteFile(ssh, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	env := []string{"GIT_SSH=" + ssh, "GIT_SSH_VARIANT=simple", SocketVariable + "=" + b.cfg.Socket}
	out, err := gitOutput(b.work, env, "push", "git@host:socketserver.git", "HEAD:refs/heads/dev1")
	if err != nil || !strings.Contains(out, "socketserver/dev1: done") {
		t.Errorf("%v, the terminal shows\n%s", err, out)
	}
	b.commit(t, "UP")
	for address, says := range map[string]string{
		"git@host:socketserver.git": "the branch dev2 is not yours",
		"git@host:nosuch.git":       "there is no repository",
		"git@host:../x.git":         "is not possible here",
	} {
		if out, err := gitOutput(b.work, env, "push", address, "HEAD:refs/heads/dev2"); err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v, the terminal shows\n%s", address, err, out)
		}
	}
}

func TestForcedCommandsAreReadExactly(t *testing.T) {
	for command, want := range map[string]string{
		"git-receive-pack 'serverctrl.git'":    "receive-pack serverctrl",
		"git-upload-pack '/socketserver.git'":  "upload-pack socketserver",
		"git-upload-pack 'socketserver'":       "upload-pack socketserver",
		"":                                     "",
		"sh":                                   "",
		"git-receive-pack 'a' 'b'":             "",
		"git-receive-pack '../../etc'":         "",
		"git-receive-pack 'a.git'; id":         "",
		"git-receive-pack a.git":               "",
		"git-receive-pack '--help'":            "",
		"git receive-pack 'a.git'":             "",
		"git-upload-archive 'a.git'":           "",
		"git-receive-pack 'a'\"'\"'b.git'":     "",
		"git-receive-pack '$(id)'":             "",
		"git-receive-pack 'serverctrl.git'\nx": "",
	} {
		service, repo, err := ParseShellCommand(command)
		if got := strings.TrimSpace(string(service) + " " + repo); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q %v, want %q", command, got, err, want)
		}
	}
}

func TestPassOfAnotherUserIsWorthNothing(t *testing.T) {
	b := startBench(t, func(cfg *Config) { cfg.People = map[uint32]Person{4001: dev2Person()} })
	r, _ := b.Repository("socketserver")
	id, end := b.Pass(dev1, r, "192.0.2.7")
	defer end()
	q := question{Op: preReceive, Pass: id, Dir: r.Dir, Updates: []string{zeros + " " + newSHA + " refs/heads/dev1"}}
	if v, err := b.identify(q, 4000, nil); err == nil || !strings.Contains(err.Error(), "be named in its configuration under people (uid 4000)") {
		t.Errorf("a stranger with a stolen pass is %+v %v", v.person, err)
	}
	v, err := b.identify(q, 4001, nil)
	if err != nil || v.person != dev2Person() || v.from != "path" {
		t.Errorf("dev2 with a stolen pass is %+v %v, want dev2", v.person, err)
	}
	b.grant(question{Op: askPass, Person: "dev1", Repo: "socketserver"}, 4001, &terminal{w: io.Discard})
	if records := strings.Join(b.recorded(), "\n"); !strings.Contains(records, "only the server's own user may run git for others") {
		t.Errorf("records are\n%s", records)
	}
}

func TestValuesOnADevelopersBranchAreTakenOver(t *testing.T) {
	b := startBench(t, nil)
	b.engine.adopts = []string{"socketserver/dev1"}
	dev1 := Person{Name: "dev1"}
	push := func(message string, changed bool, err error, want string, orders ...string) {
		t.Helper()
		b.engine.values = func(owner string) (bool, error) {
			if owner != "dev1" {
				t.Errorf("asked about %s", owner)
			}
			return changed, err
		}
		b.commit(t, message)
		before := len(b.engine.ordered())
		got, stored := b.push(t, dev1, "serverctrl", "HEAD:refs/heads/dev1")
		if stored != (err == nil) || !strings.Contains(got, want) {
			t.Errorf("%s: stored %t, the terminal shows\n%s\nwant\n%s", message, stored, got, want)
		}
		if diff := cmp.Diff(orders, b.engine.ordered()[before:], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: orders (-want +got):\n%s", message, diff)
		}
	}
	push("two workers", true, nil, "socketserver/dev1: done", "socketserver/dev1 configuration by dev1")
	push("restart redis", true, nil, "redis/dev1: done", "socketserver/dev1 configuration by dev1", "redis/dev1 restart by dev1")
	push("reload", false, nil, "dtserver/dev1: done", "socketserver/dev1 reload by dev1", "dtserver/dev1 reload by dev1")
	push("my port", true, errors.New("LISTEN is not to be set"), "refused, and nothing is stored: the values on dev1 at ")
}
