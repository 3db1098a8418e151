package viewer

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy/push"
)

// Git serves the repositories. *push.Gate is one. Its methods may be called
// from several goroutines.
type Git interface {
	// Repository finds a repository by its name, without ".git".
	Repository(name string) (push.Repository, bool)
	// Pass, RefuseSize and Command are described at push.Gate.
	Pass(p push.Person, r push.Repository, from string) (id string, end func())
	RefuseSize(p push.Person, r push.Repository, from string) (line string)
	Command(ctx context.Context, s push.Service, r push.Repository, pass, protocol string, args ...string) *exec.Cmd
}

const (
	// maxGitBytes is the longest request: a pack, and git's words around it.
	maxGitBytes = push.MaxPushBytes + 1<<20
	// maxDrainBytes is how much of a push over the limit is taken and thrown
	// away: a client reads why it is refused once it has sent everything.
	maxDrainBytes = 1 << 30
	// gitDrainPause is how long the client may pause meanwhile.
	gitDrainPause = 3 * time.Second
	// maxWantBytes is the longest request of a fetch.
	maxWantBytes = 4 << 20
	// gitTimeout is how long one may last; a job that is followed goes on.
	gitTimeout = 10 * time.Minute
	// gitBodyTimeout is how long the client may take to send it.
	gitBodyTimeout = 2 * time.Minute
	// gitStall is how long the client may take no answer.
	gitStall = time.Minute
	// maxGitWords is how much of what git says goes to the log.
	maxGitWords = 2 << 10
)

// pushing are the pushes that are under way, by person and repository.
type pushing struct {
	mu   sync.Mutex
	busy map[string]bool
}

// begin tells whether there is no other; if so, end has to be called.
func (p *pushing) begin(key string) (end func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[key] {
		return nil, false
	}
	if p.busy == nil {
		p.busy = map[string]bool{}
	}
	p.busy[key] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, key)
	}, true
}

// is tells whether there is one. A push asks before it begins, because git
// shows a person our words only then.
func (p *pushing) is(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.busy[key]
}

const anotherPush = "Another push of yours to this repository is under way: wait until it has ended."

func pushKey(c echo.Context, p principal) string { return p.Name + " " + c.Param("repo") }

// gitRefs answers the first question of a fetch and of a push: which refs
// there are.
func (s *Server) gitRefs(c echo.Context, p principal) error {
	service := push.Service(strings.TrimPrefix(c.QueryParam("service"), "git-"))
	if c.QueryParam("service") != "git-"+string(service) || service != push.Receive && service != push.Upload {
		return gitProblem(c, http.StatusForbidden, "Tagtail speaks git's smart protocol only: use git 1.6.6 or newer.")
	}
	r, err := s.gitRepository(c, p)
	if err != nil || r == nil {
		return err
	}
	if service == push.Receive && s.pushing.is(pushKey(c, p)) {
		return gitProblem(c, http.StatusConflict, anotherPush)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), gitTimeout)
	defer cancel()
	cmd := s.cfg.Git.Command(ctx, service, *r, "", c.Request().Header.Get("Git-Protocol"), "--stateless-rpc", "--advertise-refs")
	first := "# service=git-" + string(service) + "\n"
	out := s.newGitAnswer(c, "application/x-git-"+string(service)+"-advertisement", fmt.Sprintf("%04x%s0000", len(first)+4, first))
	return s.runGit(cmd, out, out)
}

// gitFetch answers a fetch.
func (s *Server) gitFetch(c echo.Context, p principal) error {
	return s.gitService(c, p, push.Upload)
}

// gitPush takes a push.
func (s *Server) gitPush(c echo.Context, p principal) error {
	end, ok := s.pushing.begin(pushKey(c, p))
	if !ok {
		return gitProblem(c, http.StatusConflict, anotherPush)
	}
	defer end()
	return s.gitService(c, p, push.Receive)
}

func (s *Server) gitService(c echo.Context, p principal, service push.Service) error {
	request := c.Request()
	if want := "application/x-git-" + string(service) + "-request"; request.Header.Get("Content-Type") != want {
		return gitProblem(c, http.StatusUnsupportedMediaType, "The content type must be "+want+".")
	}
	r, err := s.gitRepository(c, p)
	if err != nil || r == nil {
		return err
	}
	control := http.NewResponseController(c.Response())
	if err := control.SetReadDeadline(time.Now().Add(gitBodyTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("give a push time: %w", err)
	}
	body, err := gitBody(request)
	if err != nil {
		return gitProblem(c, http.StatusBadRequest, "The request's body is not what its Content-Encoding says.")
	}
	ctx, cancel := context.WithTimeout(request.Context(), gitTimeout)
	defer cancel()
	out := s.newGitAnswer(c, "application/x-git-"+string(service)+"-result", "")
	if service == push.Upload {
		cmd := s.cfg.Git.Command(ctx, service, *r, "", request.Header.Get("Git-Protocol"), "--stateless-rpc")
		cmd.Stdin = body
		return s.runGit(cmd, out, out)
	}
	who := push.Person{Name: p.Name, Admin: p.isAdmin()}
	pass, end := s.cfg.Git.Pass(who, *r, clientOf(request))
	defer end()
	if err := control.EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("answer a push before it has ended: %w", err)
	}
	cmd := s.cfg.Git.Command(ctx, service, *r, pass, request.Header.Get("Git-Protocol"), "--stateless-rpc")
	cmd.Stdin = body
	packets := &push.Packets{Out: out, Refuse: func() string { return s.cfg.Git.RefuseSize(who, *r, clientOf(request)) }}
	err = s.runGit(cmd, out, packets)
	if packets.Over {
		drain(control, request.Body)
	}
	return err
}

// drain takes what a client still sends, until it pauses. A proxy that has begun
// to pass the answer on sends no more, and waits for the end of the answer.
func drain(control *http.ResponseController, body io.Reader) {
	piece := make([]byte, 64<<10)
	for {
		if err := control.SetReadDeadline(time.Now().Add(gitDrainPause)); err != nil {
			return
		}
		if _, err := body.Read(piece); err != nil {
			return // the person has been told already
		}
	}
}

// gitRepository finds the repository of the address. Without an error and
// without a repository the client has been told why.
func (s *Server) gitRepository(c echo.Context, p principal) (*push.Repository, error) {
	name, isGit := strings.CutSuffix(c.Param("repo"), ".git")
	if s.cfg.Git == nil {
		return nil, gitProblem(c, http.StatusNotFound, "This server has no repositories: name their folder in its configuration, or make one with tagtail init.")
	}
	r, ok := s.cfg.Git.Repository(name)
	if !ok || !isGit {
		return nil, gitProblem(c, http.StatusNotFound, "There is no repository "+shown(c.Param("repo"))+": the address is /git/NAME.git.")
	}
	if !p.mayGit(r) {
		return nil, gitProblem(c, http.StatusForbidden, "Only administrators may use "+r.Name+": its documents are on the page.")
	}
	return &r, nil
}

// gitProblem tells a person at git's terminal what is wrong: git shows plain
// text, and no other.
func gitProblem(c echo.Context, status int, sentence string) error {
	return c.String(status, sentence+"\n")
}

// gitBody is the request's body as git is to read it, of bounded length.
func gitBody(r *http.Request) (io.Reader, error) {
	switch r.Header.Get("Content-Encoding") {
	case "":
		return r.Body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		return &cappedReader{r: z, left: maxGitBytes}, nil
	}
	return nil, errors.New("unknown encoding")
}

// cappedReader fails past a length, unlike io.LimitReader, which ends.
type cappedReader struct {
	r    io.Reader
	left int64
}

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the request inflates to more than is taken")
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// gitAnswer is git's output on its way to the client: each piece at once, so
// that a person sees what happens when it does.
type gitAnswer struct {
	c       echo.Context
	control *http.ResponseController
	ctype   string
	first   string // goes before everything
	begun   bool
}

func (s *Server) newGitAnswer(c echo.Context, ctype, first string) *gitAnswer {
	return &gitAnswer{c: c, control: http.NewResponseController(c.Response()), ctype: ctype, first: first}
}

func (a *gitAnswer) Write(p []byte) (int, error) {
	if err := a.control.SetWriteDeadline(time.Now().Add(gitStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	res := a.c.Response()
	if !a.begun {
		a.begun = true
		res.Header().Set("Content-Type", a.ctype)
		res.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
		res.WriteHeader(http.StatusOK)
		if _, err := io.WriteString(res, a.first); err != nil {
			return 0, err
		}
	}
	n, err := res.Write(p)
	if err != nil {
		return n, err
	}
	return n, a.control.Flush()
}

// runGit runs git to its end. Git tells the client of its own troubles; only
// what it could not begin to tell is an error of ours.
func (s *Server) runGit(cmd *exec.Cmd, out *gitAnswer, stdout io.Writer) error {
	words := &cutWriter{left: maxGitWords}
	cmd.Stdout, cmd.Stderr = stdout, words
	err := cmd.Run()
	if err == nil {
		return nil
	}
	path := out.c.Request().URL.Path
	if !out.begun {
		return fmt.Errorf("run git for %s: %w: %s", path, err, words.text)
	}
	s.log.Info("git ended early", "path", path, "err", err, "words", string(words.text))
	return nil
}

// cutWriter keeps the beginning of what is written.
type cutWriter struct {
	text []byte
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.text = append(w.text, p[:n]...)
	w.left -= n
	return len(p), nil
}
