package deploy

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of what one job keeps of its output.
const (
	MaxJobLines     = 2000
	MaxJobLineBytes = 4096
)

// Job is one action on one instance, from the order to the end. It outlives
// the request that asked for it. Its methods may be called from any goroutine.
type Job struct {
	in   Instance                          // immutable, as it was at the order
	work func(context.Context, *Job) error // immutable, what it does

	writing sync.Mutex // one journal entry at a time; before mu

	mu      sync.Mutex
	view    JobView
	changed chan struct{} // closed and replaced at every change
}

// newJob fills in what every job has.
func newJob(in Instance, view JobView) *Job {
	view.ID, view.Instance = rand.Text(), in.Name
	view.State, view.Started, view.Output = JobRunning, time.Now(), []string{}
	return &Job{in: in, view: view, changed: make(chan struct{})}
}

// setRelease tells which release the job makes: the first one, if it goes back
// by another one.
func (j *Job) setRelease(number int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.view.Release == 0 {
		j.view.Release = number
	}
	j.notifyLocked()
}

// begins starts the clock of a job that has waited.
func (j *Job) begins() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.view.Started = time.Now()
}

// View gives the job as it is now. The caller owns it.
func (j *Job) View() JobView {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := j.view
	v.Output = slices.Clone(v.Output)
	return v
}

// Wait blocks until the job has printed more than from lines, or has ended. It
// gives the lines from there on, which the caller owns, and whether they are the
// last ones; or ctx's error.
func (j *Job) Wait(ctx context.Context, from int) (lines []string, done bool, err error) {
	from = max(from, 0)
	for {
		j.mu.Lock()
		done = j.view.State != JobRunning
		if from < len(j.view.Output) {
			lines = slices.Clone(j.view.Output[from:])
		}
		changed := j.changed
		j.mu.Unlock()
		if done || len(lines) > 0 {
			return lines, done, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// printf appends to the output; several lines become several.
func (j *Job) printf(format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), "\r\n")
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.SplitSeq(text, "\n") {
		switch n := len(j.view.Output); {
		case n < MaxJobLines-1:
			j.view.Output = append(j.view.Output, cleanLine(line))
		case n == MaxJobLines-1:
			j.view.Output = append(j.view.Output, "(what follows is not kept)")
		}
	}
	j.notifyLocked()
}

// finish ends the job; err is the sentence that says why it failed.
func (j *Job) finish(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.view.Finished = time.Now()
	j.view.State = JobSucceeded
	if err != nil {
		j.view.State = JobFailed
		j.view.Error = cleanLine(strings.ReplaceAll(err.Error(), "\n", " "))
	}
	j.notifyLocked()
}

func (j *Job) notifyLocked() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// cleanLine makes valid, printable UTF-8 of bounded length of whatever a
// program printed.
func cleanLine(line string) string {
	line = strings.ToValidUTF8(cutText(line, MaxJobLineBytes), "\ufffd")
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		if unicode.IsControl(r) {
			return '\ufffd'
		}
		return r
	}, strings.TrimRight(line, "\r"))
}

// cutText cuts at a character's edge and marks that it did.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
