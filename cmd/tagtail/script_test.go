package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tagtail/tagtail/static/browsertest"
)

// withBrowser ends the browser that the tests have started.
type withBrowser struct{ m *testing.M }

func (w withBrowser) Run() int { return browsertest.Main(w.m) }

func TestMain(m *testing.M) {
	testscript.Main(withBrowser{m}, map[string]func(){
		"tagtail":     main,
		"pre-receive": hookAsGit, "post-receive": hookAsGit,
	})
}

// hookAsGit is the program as git calls it. The race detector would keep each
// hook, and the push with it, for a second at its end.
func hookAsGit() {
	name, _ := hookOf(os.Args[0])
	syscall.Exit(runHook(context.Background(), name, os.Stdin, os.Stdout))
}

// TestScripts runs testdata/script. Beside testscript's own commands there are
//
//	serve NAME [FLAGS]    start tagtail serve in the background on free ports and
//	                      wait until it is ready; sets SERVER, its address HTTP, the
//	                      ports UDP and TCP, and the path UNIXGRAM
//	serve-demo NAME       the same with tagtail demo
//	end NAME [KILL]       stop it, or kill -9 it
//	hangup NAME           tell it to open its files anew
//	said NAME REGEX VAR   set a variable to what a server has said, the first group
//	until REGEX COMMAND   run a command until its output matches
//	ports NAME...         set each variable to a free port
//	secrets FILE          set a variable for each line "NAME SECRET"
//	transcript FILE       keep what the last push has shown of Tagtail's words
//	fill FILE...          put variables into files, where they have ${NAME}
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":      scriptServe("serve"),
			"serve-demo": scriptServe("demo"),
			"end":        scriptEnd,
			"hangup":     scriptHangup,
			"said":       scriptSaid,
			"until":      scriptUntil,
			"ports":      scriptPorts,
			"secrets":    scriptSecrets,
			"fill":       scriptFill,
			"transcript": scriptTranscript,
		},
		Condition: func(condition string) (bool, error) {
			name, ok := strings.CutPrefix(condition, "have:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", condition)
			}
			_, err := exec.LookPath(name)
			if err != nil && os.Getenv("CI") != "" {
				return false, fmt.Errorf("%s is needed under CI: %w", name, err)
			}
			return err == nil, nil
		},
		Setup: func(env *testscript.Env) error {
			// nginx's workers, who are nobody when we are root, read below it.
			for _, dir := range []string{env.WorkDir, filepath.Dir(env.WorkDir)} {
				if err := os.Chmod(dir, 0o755); err != nil {
					return err
				}
			}
			env.Setenv("PATH", env.Getenv("PATH")+":/usr/sbin")
			env.Setenv("TZ", "UTC")
			env.Defer(func() { killBelow(env.WorkDir) })
			env.Values[serversKey{}] = map[string]*testServer{}
			return nil
		},
	})
}

type serversKey struct{}

func scriptServers(ts *testscript.TestScript) map[string]*testServer {
	return ts.Value(serversKey{}).(map[string]*testServer)
}

func scriptServe(command string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 {
			ts.Fatalf("usage: %s NAME [FLAGS]", command)
		}
		startScriptServer(ts, args[0], serverOptions{
			command: command, dir: ts.MkAbs("."), args: args[1:], env: []string{"PATH=" + ts.Getenv("PATH")},
		})
	}
}

func startScriptServer(ts *testscript.TestScript, name string, opts serverOptions) {
	server, at := startServer(ts, opts)
	scriptServers(ts)[name] = server
	ts.Defer(server.kill)
	ts.Setenv("SERVER", at.Server)
	ts.Setenv("HTTP", strings.TrimPrefix(at.Server, "http://"))
	for _, listener := range at.Syslog {
		u, err := url.Parse(listener)
		ts.Check(err)
		ts.Setenv(strings.ToUpper(u.Scheme), u.Port()+u.Path)
	}
}

func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || scriptServers(ts)[args[0]] == nil {
		ts.Fatalf("usage: end NAME [KILL], of a server that was started")
	}
	server := scriptServers(ts)[args[0]]
	if len(args) > 1 && args[1] == "KILL" {
		server.kill()
		return
	}
	server.stop(ts)
}

func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || scriptServers(ts)[args[0]] == nil {
		ts.Fatalf("usage: hangup NAME, of a server that was started")
	}
	ts.Check(scriptServers(ts)[args[0]].process.Signal(syscall.SIGHUP))
}

func scriptSaid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || scriptServers(ts)[args[0]] == nil {
		ts.Fatalf("usage: said NAME REGEX VAR, of a server that was started")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	words := scriptServers(ts)[args[0]].words.String()
	found := pattern.FindStringSubmatch(words)
	if len(found) < 2 {
		ts.Fatalf("%q is not in what it said:\n%s", args[1], words)
	}
	ts.Setenv(args[2], found[1])
}

func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEX COMMAND [ARGS]")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	program, err := exec.LookPath(args[1])
	ts.Check(err)
	var out []byte
	for end := time.Now().Add(patience); time.Now().Before(end); {
		cmd := exec.Command(program, args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), "TZ=UTC")
		out, _ = cmd.CombinedOutput()
		if want.Match(out) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%q never showed %q; last it showed\n%s", args[1:], args[0], out)
}
