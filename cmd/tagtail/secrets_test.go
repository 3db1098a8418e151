package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// spy collects the arguments and the environment of what a server starts.
type spy struct {
	server int
	own    []byte // its arguments
	dir    string

	mu   sync.Mutex
	seen map[string]bool
	stop chan struct{}
	done chan struct{}
}

func startSpy(server int, dir string) *spy {
	own, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", server)) // as look does
	s := &spy{server: server, own: own, dir: dir, seen: map[string]bool{}, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			s.look()
			select {
			case <-s.stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return s
}

// look notes the processes that are the server's children now, and nginx, whose
// parent has left it.
func (s *spy) look() {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == s.server {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		// A child is a copy of the server until it has become another program.
		if err != nil || len(cmdline) == 0 || bytes.Equal(cmdline, s.own) || !s.isOurs(pid, cmdline) {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ")) // gone, perhaps
		text := string(bytes.ReplaceAll(append(append(cmdline, '\n'), environ...), []byte{0}, []byte{' '}))
		s.mu.Lock()
		s.seen[text] = true
		s.mu.Unlock()
	}
}

func (s *spy) isOurs(pid int, cmdline []byte) bool {
	if bytes.Contains(cmdline, []byte("nginx")) && bytes.Contains(cmdline, []byte(s.dir)) {
		return true
	}
	for range 10 {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, found := strings.Cut(string(status), "\nPPid:\t")
		line, _, _ := strings.Cut(rest, "\n")
		if pid, _ = strconv.Atoi(line); err != nil || !found || pid <= 1 {
			return false
		}
		if pid == s.server {
			return true
		}
	}
	return false
}

func (s *spy) end() string {
	close(s.stop)
	<-s.done
	var all strings.Builder
	for text := range s.seen {
		all.WriteString(text + "\n\n")
	}
	return all.String()
}

// Whatever a secret was given by, it is in no log, no entry, no process list and no
// environment of what the server starts.
func TestNoSecretIsToldToAnybody(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	dump, programs := filepath.Join(t.TempDir(), "told"), t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n{ echo \"git $*\"; tr '\\000' ' ' </proc/$$/environ; echo; } >>%s\nexec %s \"$@\"\n", dump, git)
	mustWrite(t, filepath.Join(programs, "git"), script)
	if err := os.Chmod(filepath.Join(programs, "git"), 0o755); err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"the administrator's token": "an-admin-token-that-is-secret-77", "a password": "a password that is secret 88"}
	t.Setenv("TAGTAIL_ADMIN_TOKEN", secrets["the administrator's token"])
	usual := os.Getenv("PATH")
	t.Setenv("PATH", programs+":"+usual)
	s := newStudio(t, "dev1")
	t.Setenv("PATH", usual) // git of the one who pushes knows a token
	spy := startSpy(s.server.process.Pid, s.dir)
	secrets["dev1's token"] = s.secrets["dev1"]
	link := s.server.words.String() // has the one that is meant to be there

	ask := func(method, path, body, authorization string) (*http.Response, string) {
		req, err := http.NewRequest(method, s.at.Server+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || res.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, text, err)
		}
		return res, string(text)
	}
	admin := "Bearer " + secrets["the administrator's token"]
	ask("PUT", "/api/v1/people/dev1/password", fmt.Sprintf(`{"new":%q}`, secrets["a password"]), admin)
	res, _ := ask("POST", "/api/v1/login", fmt.Sprintf(`{"name":"dev1","password":%q}`, secrets["a password"]), "")
	secrets["a session"] = res.Cookies()[0].Value
	_, made := ask("POST", "/api/v1/tokens", `{"owner":"dev1","scopes":["read"]}`, admin)
	var token struct{ Secret, Token string }
	if err := json.Unmarshal([]byte(made), &token); err != nil {
		t.Fatal(err)
	}
	secrets["a token that was made"] = token.Secret + token.Token
	_, text := ask("POST", "/api/v1/links", `{"person":"dev1"}`, admin)
	_, oneTime, _ := strings.Cut(text, "/login#")
	oneTime, _, _ = strings.Cut(oneTime, `"`)
	ask("POST", "/api/v1/login", fmt.Sprintf(`{"token":%q}`, oneTime), "")
	secrets["a link that was used"] = oneTime

	w := s.clone(t, "dev1", "socketserver", "dev1")
	control := s.clone(t, "dev1", "serverctrl", "dev1")
	control.commit(t, "start")
	control.mustPush(t, "dev1", "socketserver/dev1: done")
	w.write(t, "src/main.lua", fmt.Sprintf(says, "one"))
	w.commit(t, "UP")
	w.mustPush(t, "dev1", "socketserver/dev1: done")
	control.mustPush(t, ":refs/control/reload", "socketserver/dev1: done")
	w.write(t, "src/main.lua", fmt.Sprintf(says, "two"))
	w.commit(t, "UP")
	w.mustPush(t, "dev1", "socketserver/dev1: done")
	w.mustPush(t, ":refs/control/rollback", "socketserver/dev1: done")

	told, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	_, entries := ask("GET", "/api/v1/export?format=ndjson&q=", "", admin)
	_, metrics := ask("GET", "/metrics", "", admin)
	places := map[string]string{
		"the children": spy.end(), "git and its hooks": string(told), "the log": strings.TrimPrefix(s.server.words.String(), link),
		"the entries": entries, "the metrics": metrics,
	}
	for place, wanted := range map[string]string{"the children": "nginx", "git and its hooks": "git -c core.hooksPath=", "the entries": "UP", "the log": "logged in"} {
		if !strings.Contains(places[place], wanted) {
			t.Errorf("nothing of %q was seen in %s:\n%.2000s", wanted, place, places[place])
		}
	}
	for what, secret := range secrets {
		if len(secret) < 16 {
			t.Fatalf("%s is %q, which is none", what, secret)
		}
		for place, text := range places {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s is in %s: %.300q", what, place, text[max(0, i-150):])
			}
		}
	}
}
