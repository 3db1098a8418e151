package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what is taken from git.
const (
	maxCommitBytes = 1 << 20
	maxListBytes   = 16 << 20 // of the names of a commit's files
)

var errTooLong = errors.New("git answers more than is taken")

// command is git on this repository. GIT_NO_REPLACE_OBJECTS: what is deployed
// is what was committed. protocol.allow: a missing object is not fetched by a
// program that the repository's config names.
func (r *Repo) command(ctx context.Context, args ...string) *exec.Cmd {
	argv := append([]string{
		"--no-replace-objects", "--git-dir=" + r.dir,
		"-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never", "-c", "core.sshCommand=false",
	}, args...)
	cmd := exec.CommandContext(ctx, "git", argv...)
	cmd.Dir = r.dir
	cmd.Env = append([]string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
	}, r.env...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// git runs it to its end and gives what it printed. Its words are in the error.
func (r *Repo) git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := r.command(ctx, args...)
	out, words := limitedBuffer{limit: maxListBytes}, limitedBuffer{limit: 4 << 10}
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		return nil, gitError(ctx, args[0], err, &words)
	}
	return out.Bytes(), nil
}

func gitError(ctx context.Context, verb string, err error, words *limitedBuffer) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	said := strings.ReplaceAll(strings.TrimSpace(words.String()), "\n", "; ")
	if said == "" {
		return fmt.Errorf("run git %s: %w", verb, err)
	}
	return fmt.Errorf("run git %s: %w: %s", verb, err, strings.ToValidUTF8(said, "\ufffd"))
}

func exitedWith(err error, codes ...int) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && slices.Contains(codes, exit.ExitCode())
}

// limitedBuffer refuses what is over its limit, which ends git's pipe.
type limitedBuffer struct {
	bytes.Buffer
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// object reads one object of at most limit bytes.
func (r *Repo) object(ctx context.Context, sha string, limit int64) (kind string, content []byte, err error) {
	err = r.batch(ctx, []string{sha}, func(_ int, o object) error {
		if o.size > limit {
			return fmt.Errorf("it has %d bytes and may have %d", o.size, limit)
		}
		kind = o.kind
		content, err = io.ReadAll(o)
		return err
	})
	return kind, content, err
}

// object is one answer of git cat-file --batch; it reads its exact bytes.
type object struct {
	io.Reader
	kind string
	size int64
}

// batch asks one git for many objects and gives each to use, which reads it
// whole, in the order of shas.
func (r *Repo) batch(ctx context.Context, shas []string, use func(i int, o object) error) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(ctx, "cat-file", "--batch", "--buffer")
	cmd.Stdin = strings.NewReader(strings.Join(shas, "\n") + "\n")
	words := limitedBuffer{limit: 4 << 10}
	cmd.Stderr = &words
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("read from git: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start git: %w", err)
	}
	out := bufio.NewReaderSize(pipe, 256<<10)
	for i, sha := range shas {
		if err = readObject(out, sha, func(o object) error { return use(i, o) }); err != nil {
			break
		}
	}
	if err != nil {
		cancel() // it may still be writing
		_ = cmd.Wait()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return gitError(ctx, "cat-file", errors.New("it ended too early"), &words)
		}
		return err
	}
	if err := cmd.Wait(); err != nil {
		return gitError(ctx, "cat-file", err, &words)
	}
	return nil
}

// readObject reads "SHA KIND SIZE", a line's end, the bytes, and a line's end.
func readObject(out *bufio.Reader, sha string, use func(object) error) error {
	line, err := out.ReadString('\n')
	if err != nil {
		return err
	}
	words := strings.Fields(line)
	if len(words) == 2 && words[1] == "missing" {
		return ErrNotFound
	}
	if len(words) != 3 || words[0] != sha {
		return fmt.Errorf("git answers %.100q for %s", line, sha)
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return fmt.Errorf("git answers %.100q for %s", line, sha)
	}
	content := &io.LimitedReader{R: out, N: size}
	if err := use(object{content, words[1], size}); err != nil {
		return err
	}
	if content.N > 0 {
		return io.ErrUnexpectedEOF
	}
	_, err = out.Discard(1)
	return err
}
