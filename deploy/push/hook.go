package push

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The variables by which a Gate's git tells its hooks where to ask, and with
// which pass.
const (
	SocketVariable = "TAGTAIL_PUSH_SOCKET"
	passVariable   = "TAGTAIL_PUSH_ID"
)

// quarantineNames are git's variables that say where the objects of a push are
// until it is let through.
var quarantineNames = []string{"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}

// Hook is git's hook of that name: it asks the Gate at the socket, prints what
// it says to out, and returns the exit code. It fails closed: pre-receive
// refuses whatever goes wrong.
func Hook(ctx context.Context, name, socket string, in io.Reader, out io.Writer) int {
	err := hook(ctx, name, socket, in, out)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case name == preReceive:
		fmt.Fprintf(out, "[tagtail] nothing is stored: %v\n", err)
	default:
		fmt.Fprintf(out, "[tagtail] the push is stored, but what becomes of it cannot be told: %v\n", err)
	}
	return 1
}

// exitCode is what the Gate has answered.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func hook(ctx context.Context, name, socket string, in io.Reader, out io.Writer) error {
	if !slices.Contains(HookNames(), name) {
		return fmt.Errorf("there is no hook %.40q", name)
	}
	if socket == "" {
		return fmt.Errorf("it is not known where Tagtail runs: set %s, or call tagtail hook with --data", SocketVariable)
	}
	q := question{Op: name, Pass: os.Getenv(passVariable)}
	var err error
	if q.Updates, err = readUpdates(in); err != nil {
		return err
	}
	if q.Dir, err = repositoryDir(); err != nil {
		return err
	}
	for _, variable := range quarantineNames {
		if value, ok := os.LookupEnv(variable); ok {
			q.Quarantine = append(q.Quarantine, variable+"="+value)
		}
	}
	for i := 0; i < 10; i++ {
		if option, ok := os.LookupEnv(fmt.Sprintf("GIT_PUSH_OPTION_%d", i)); ok {
			q.Options = append(q.Options, option)
		}
	}
	last, err := ask(ctx, socket, q, out)
	if err != nil {
		return err
	}
	if *last.Exit != 0 {
		return exitCode(*last.Exit)
	}
	return nil
}

// readUpdates reads all lines of git, one more than are allowed at most.
func readUpdates(in io.Reader) ([]string, error) {
	var lines []string
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxQuestionBytes)
	for scanner.Scan() {
		if len(lines) <= MaxRefs {
			lines = append(lines, scanner.Text())
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read what git says: %w", err)
	}
	return lines, nil
}

// repositoryDir is the folder of the repository that git runs the hook in.
func repositoryDir() (string, error) {
	dir := os.Getenv("GIT_DIR")
	if dir == "" {
		dir = "."
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	return dir, nil
}

// ask sends the question to the Gate and copies its words to out.
func ask(ctx context.Context, socket string, q question, out io.Writer) (answer, error) {
	at, release, err := shortPath(socket)
	if err != nil {
		return answer{}, fmt.Errorf("tagtail does not run: %w", err)
	}
	defer release()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", at)
	if err != nil {
		return answer{}, fmt.Errorf("tagtail does not run, or not for you: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := writeLine(conn, q); err != nil {
		return answer{}, fmt.Errorf("ask tagtail: %w", err)
	}
	last, err := readAnswers(conn, out)
	if err != nil {
		return answer{}, fmt.Errorf("wait for tagtail's answer: %w", err)
	}
	return last, nil
}

// Shell is what a key's forced command may do: run git for one person.
type Shell struct {
	// Person is whom the key belongs to.
	Person Person
	// Socket is the Gate's.
	Socket string
	// Command is what the client asks for, as sshd hands it over in
	// SSH_ORIGINAL_COMMAND; Protocol is its GIT_PROTOCOL.
	Command, Protocol string
}

// Serve runs the git that the client asks for, with a pass of the Gate, until
// it ends, and returns its exit code.
func (s Shell) Serve(ctx context.Context, in io.Reader, out, words io.Writer) int {
	code, err := s.serve(ctx, in, out, words)
	if err != nil {
		fmt.Fprintf(words, "tagtail: %v\n", err)
		return 1
	}
	return code
}

func (s Shell) serve(ctx context.Context, in io.Reader, out, words io.Writer) (int, error) {
	service, repo, err := ParseShellCommand(s.Command)
	if err != nil {
		return 0, err
	}
	git, err := findGit("")
	if err != nil {
		return 0, err
	}
	last, err := ask(ctx, s.Socket, question{Op: askPass, Person: s.Person.Name, Admin: s.Person.Admin, Repo: repo}, words)
	if err != nil {
		return 0, err
	}
	if *last.Exit != 0 {
		return *last.Exit, nil
	}
	cmd := gitCommand(ctx, git, service, last.Dir, last.Hooks, environment(s.Socket, last.Pass, s.Protocol), nil)
	packets := &Packets{Out: out, Refuse: func() string { return s.sizeLine(ctx, last.Pass) }}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, words
	if service == Receive {
		cmd.Stdout = packets
	}
	err = cmd.Run()
	if packets.Over {
		// A client that cannot send the rest shows nothing of why.
		_, _ = io.CopyN(io.Discard, in, maxDrainBytes)
	}
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return max(1, ended.ExitCode()), nil
	}
	return 0, err
}

// maxDrainBytes is how much of a push over the limit is taken and thrown away.
const maxDrainBytes = 1 << 30

// sizeLine is the Gate's line for a push over the limit.
func (s Shell) sizeLine(ctx context.Context, pass string) string {
	var line strings.Builder
	if _, err := ask(ctx, s.Socket, question{Op: tellSize, Pass: pass}, &line); err != nil || line.Len() == 0 {
		return fmt.Sprintf("[tagtail] refused, and nothing is stored: %v", errSize)
	}
	return strings.TrimSuffix(line.String(), "\n")
}

// ParseShellCommand reads SSH_ORIGINAL_COMMAND: exactly git-receive-pack or
// git-upload-pack and a repository in single quotes.
func ParseShellCommand(command string) (Service, string, error) {
	for _, service := range []Service{Receive, Upload} {
		rest, ok := strings.CutPrefix(command, "git-"+string(service)+" '")
		if !ok {
			continue
		}
		name, closed := strings.CutSuffix(rest, "'")
		name = strings.TrimSuffix(strings.TrimPrefix(name, "/"), ".git")
		if closed && namePattern.MatchString(name) {
			return service, name, nil
		}
	}
	return "", "", fmt.Errorf("%s is not possible here: this key only fetches and pushes, as in git clone git@HOST:serverctrl.git", quote(command))
}
