package push

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// The exchange on the socket: the hook sends one question, a line of JSON, and
// gets answers, each a line of JSON, the last of which has Exit.

// maxQuestionBytes bounds what a hook may send; 20 refs need a hundredth.
const maxQuestionBytes = 256 << 10

// Names of the hooks, and of the questions of a program that runs git.
const (
	preReceive  = "pre-receive"
	postReceive = "post-receive"
	askPass     = "pass"
	tellSize    = "size" // of a push that git has refused for its size
)

// HookNames are the names by which git calls this program as its hook.
func HookNames() []string { return []string{preReceive, postReceive} }

// question is what a hook asks. Nothing in it is believed but the pass, which
// is a secret.
type question struct {
	Op   string `json:"op"`
	Pass string `json:"pass,omitempty"`
	// Dir is the repository's folder, absolute.
	Dir string `json:"dir,omitempty"`
	// Quarantine are git's variables that tell where new objects are while
	// pre-receive runs, NAME=VALUE.
	Quarantine []string `json:"quarantine,omitempty"`
	// Options are those of git push -o.
	Options []string `json:"options,omitempty"`
	// Updates are the lines that git gives the hook.
	Updates []string `json:"updates,omitempty"`
	// Person, Admin and Repo are who wants a pass for what: only this program
	// itself, running as the same user, may say so.
	Person string `json:"person,omitempty"`
	Admin  bool   `json:"admin,omitempty"`
	Repo   string `json:"repo,omitempty"`
}

type answer struct {
	// Text is a line for the person's terminal.
	Text *string `json:"text,omitempty"`
	// Exit ends the answers: 0 lets the push through.
	Exit *int `json:"exit,omitempty"`
	// Pass, Dir and Hooks answer the question for a pass: it, the repository's
	// folder and that of the hooks.
	Pass  string `json:"pass,omitempty"`
	Dir   string `json:"dir,omitempty"`
	Hooks string `json:"hooks,omitempty"`
}

// readQuestion reads the one question of a connection.
func readQuestion(r io.Reader) (question, error) {
	var q question
	line, err := bufio.NewReader(io.LimitReader(r, maxQuestionBytes)).ReadBytes('\n')
	if err != nil {
		return q, fmt.Errorf("read question of a hook: %w", err)
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return q, fmt.Errorf("decode question of a hook: %w", err)
	}
	return q, nil
}

func writeLine(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer to a hook: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// patientWriter gives each write its own time: whoever does not read for so
// long is lost.
type patientWriter struct{ conn net.Conn }

const writeTimeout = time.Minute

func (w patientWriter) Write(p []byte) (int, error) {
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return w.conn.Write(p)
}

// terminal is the person's: lines come there one by one. After an error of the
// connection it says nothing more, and the work goes on.
type terminal struct {
	w      io.Writer
	prefix string // "[git-server] "
	lost   error
}

func (t *terminal) printf(format string, args ...any) {
	if t.lost != nil {
		return
	}
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		text := t.prefix + line
		if t.lost = writeLine(t.w, answer{Text: &text}); t.lost != nil {
			return
		}
	}
}

func (t *terminal) exit(code int) {
	if t.lost == nil {
		t.lost = writeLine(t.w, answer{Exit: &code})
	}
}

// readAnswers copies the texts to out until the exit code comes.
func readAnswers(r io.Reader, out io.Writer) (last answer, err error) {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxQuestionBytes)
	for scanner.Scan() {
		var a answer
		if err := json.Unmarshal(scanner.Bytes(), &a); err != nil {
			return answer{}, fmt.Errorf("decode answer: %w", err)
		}
		if a.Text != nil {
			// Whether the terminal is still there changes nothing.
			_, _ = fmt.Fprintln(out, *a.Text)
		}
		if a.Exit != nil {
			return a, nil
		}
	}
	return answer{}, errors.Join(scanner.Err(), errors.New("the connection ended before the answer did"))
}
