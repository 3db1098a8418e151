package push

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Service is one of git's two.
type Service string

// The services, as git's program names them.
const (
	Receive Service = "receive-pack"
	Upload  Service = "upload-pack"
)

// MaxPushBytes is the largest pack that is taken.
const MaxPushBytes = 64 << 20

// protocolPattern is what GIT_PROTOCOL may hold.
var protocolPattern = regexp.MustCompile(`^[0-9a-zA-Z]+=[0-9a-zA-Z]+(?::[0-9a-zA-Z]+(?:=[0-9a-zA-Z]+)?)*$`)

func findGit(program string) (string, error) {
	if program == "" {
		program = "git"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("find git: %w: install the package git", err)
	}
	return filepath.Abs(path)
}

// Command is git that serves one request to a repository, with pass for its
// hooks. protocol is what the client has sent as Git-Protocol, or nothing. The
// caller sets Stdin and Stdout and runs it.
func (g *Gate) Command(ctx context.Context, s Service, r Repository, pass, protocol string, args ...string) *exec.Cmd {
	return gitCommand(ctx, g.git, s, r.Dir, g.cfg.Hooks, environment(g.cfg.Socket, pass, protocol), args)
}

func environment(socket, pass, protocol string) []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		SocketVariable + "=" + socket, passVariable + "=" + pass,
	}
	if len(protocol) <= 100 && protocolPattern.MatchString(protocol) {
		env = append(env, "GIT_PROTOCOL="+protocol)
	}
	return env
}

// gitCommand is git in a repository with settings that win over the
// repository's own. Nothing goes through a shell.
func gitCommand(ctx context.Context, git string, s Service, dir, hooks string, env, args []string) *exec.Cmd {
	var argv []string
	for _, setting := range []string{
		"core.hooksPath=" + hooks,
		"safe.directory=" + dir,
		"core.fsmonitor=false", "core.sshCommand=false",
		"receive.fsckObjects=true",
		fmt.Sprintf("receive.maxInputSize=%d", MaxPushBytes),
		"receive.denyDeletes=true", "receive.denyNonFastForwards=true",
		"receive.advertisePushOptions=true",
		"receive.autogc=false", "gc.auto=0",
		"receive.shallowUpdate=false",
		"uploadpack.hideRefs=refs/control", "uploadpack.allowFilter=false",
	} {
		argv = append(argv, "-c", setting)
	}
	argv = append(append(append(argv, string(s)), args...), ".")
	cmd := exec.CommandContext(ctx, git, argv...)
	cmd.Dir = dir
	cmd.Env = env
	// git tells its hooks and its children of the end of its pipes.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// traps are settings and files of a repository by which somebody else's program
// would run. Ours win over the settings; who left them there should be asked.
var traps = regexp.MustCompile(`(?im)^\s*(hooksPath|sshCommand|fsmonitor|\[alias|packObjectsHook|\[include)`)

// warnOfTraps looks for them.
func (g *Gate) warnOfTraps(r Repository) {
	config, err := os.ReadFile(filepath.Join(r.Dir, "config"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		g.cfg.Logger.Warn("settings of the repository cannot be read", "repository", r.Name, "err", err)
	}
	if found := traps.FindString(string(config)); found != "" {
		g.cfg.Logger.Warn("the repository's own config has a setting that runs programs or reads other files", "repository", r.Name, "setting", strings.TrimSpace(found))
	}
}
