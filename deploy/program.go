package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// childPath is the PATH of everything that we start. The environment is never
// passed on: ours may hold tokens.
const childPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func childEnv() []string { return []string{"PATH=" + childPath, "LANG=C.UTF-8"} }

// maxProgramOutput bounds what is kept of a short program's output.
const maxProgramOutput = 256 << 10

// findProgram looks a program up by its names, first where PATH says, then
// where packages put daemons, which a plain user's PATH leaves out.
func findProgram(names ...string) (string, bool) {
	for _, name := range names {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path, true
			}
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/openresty/bin", "/usr/local/openresty/nginx/sbin"} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, true
			}
		}
	}
	return "", false
}

// runProgram runs a short program to its end and gives what it printed on
// stdout and stderr. The output goes through a file: a daemon that it leaves
// behind may keep that open for as long as it likes.
func runProgram(ctx context.Context, dir string, timeout time.Duration, argv ...string) (string, error) {
	return account{}.runProgram(ctx, dir, timeout, argv...)
}

// runProgram runs it as the account.
func (a account) runProgram(ctx context.Context, dir string, timeout time.Duration, argv ...string) (string, error) {
	f, err := os.CreateTemp("", "tagtail-output-*")
	if err != nil {
		return "", fmt.Errorf("make a file for the output: %w", err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	if err := os.Remove(f.Name()); err != nil {
		return "", fmt.Errorf("hide the file for the output: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, childEnv()
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	runErr := a.start(cmd)
	if runErr == nil {
		runErr = cmd.Wait()
	}
	out, err := io.ReadAll(io.NewSectionReader(f, 0, maxProgramOutput))
	if err != nil {
		return "", fmt.Errorf("read the output of %s: %w", argv[0], err)
	}
	if runErr != nil && ctx.Err() != nil {
		runErr = fmt.Errorf("%s did not end within %s", filepath.Base(argv[0]), timeout)
	}
	return string(out), runErr
}

// FindModules gives the Lua modules that an nginx program can load, as files
// for load_module. None for an nginx that has Lua built in, as OpenResty's has.
func FindModules(ctx context.Context, program string) []string {
	out, err := runProgram(ctx, "/", 10*time.Second, program, "-V")
	if err != nil {
		return nil
	}
	_, dir, found := strings.Cut(out, "--modules-path=")
	if !found {
		return nil
	}
	dir, _, _ = strings.Cut(dir, " ")
	var files []string
	// The order matters: Lua's module needs ndk's.
	for _, name := range []string{"ndk_http_module.so", "ngx_http_lua_module.so"} {
		path := filepath.Join(strings.TrimSpace(dir), name)
		if _, err := os.Stat(path); err != nil {
			return nil
		}
		files = append(files, path)
	}
	return files
}

// FindNginx gives the nginx program: configured if not empty, else nginx or
// OpenResty as installed.
func FindNginx(configured string) (string, bool) {
	if configured != "" {
		return findProgram(configured)
	}
	return findProgram("nginx", "openresty")
}

// errTimeout is the end of a wait that was not met.
var errTimeout = errors.New("timeout")

// waitFor asks done again and again until it says yes, or errTimeout.
func waitFor(ctx context.Context, limit time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errTimeout
		case <-tick.C:
		}
	}
}
