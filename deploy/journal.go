package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxJournalBytes is above every job's output in JSON.
const maxJournalBytes = 32 << 20

// journal keeps jobs on the disk, one file each. A journal without a folder
// keeps nothing. That one cannot be written ends no job: it is logged.
type journal struct {
	dir    string
	logger *slog.Logger
}

var jobIDPattern = regexp.MustCompile(`^[A-Z2-7]{26}$`) // as rand.Text gives it

func (l journal) path(id string) string { return filepath.Join(l.dir, id+".json") }

// write keeps a job as it is now.
func (l journal) write(j *Job) {
	if l.dir == "" {
		return
	}
	// What is written last is what was seen last.
	j.writing.Lock()
	defer j.writing.Unlock()
	v := j.View()
	if err := l.writeView(v); err != nil {
		l.logger.Error("job cannot be kept", "job", v.ID, "err", err)
	}
}

// writeView replaces the file in one step. It is not synced: a job costs
// nothing but its record.
func (l journal) writeView(v JobView) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	temporary := l.path(v.ID) + ".new"
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, l.path(v.ID))
}

func (l journal) remove(ids []string) {
	if l.dir == "" {
		return
	}
	for _, id := range ids {
		if err := os.Remove(l.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			l.logger.Error("old job cannot be removed", "job", id, "err", err)
		}
	}
}

// load reads the jobs of the runs before, oldest first. Those that were running
// are abandoned, and given a second time.
func (l journal) load() (jobs, abandoned []*Job, err error) {
	if l.dir == "" {
		return nil, nil, nil
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make folder of the jobs: %w", err)
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read folder of the jobs: %w", err)
	}
	running := map[string]bool{}
	var views []JobView
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !jobIDPattern.MatchString(id) {
			continue
		}
		v, err := l.read(id)
		if err == nil && v.State == JobRunning {
			running[id] = true
			err = l.abandon(&v)
		}
		if err != nil {
			l.logger.Error("job of an earlier run cannot be read", "job", id, "err", err)
			continue
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b JobView) int { return a.Started.Compare(b.Started) })
	var old []string
	for len(views) > MaxJobs {
		old = append(old, views[0].ID)
		views = views[1:]
	}
	l.remove(old)
	for _, v := range views {
		j := &Job{in: Instance{Name: v.Instance}, view: v, changed: make(chan struct{})}
		jobs = append(jobs, j)
		if running[v.ID] {
			abandoned = append(abandoned, j)
		}
	}
	return jobs, abandoned, nil
}

func (l journal) read(id string) (JobView, error) {
	text, err := readLimited(l.path(id), maxJournalBytes)
	if err != nil {
		return JobView{}, err
	}
	var v JobView
	if err := json.Unmarshal(text, &v); err != nil {
		return v, err
	}
	if v.ID != id {
		return v, fmt.Errorf("it is the job %s", cutText(v.ID, 40))
	}
	if v.Output == nil {
		v.Output = []string{}
	}
	return v, nil
}

func (l journal) abandon(v *JobView) error {
	v.State, v.Finished = JobAbandoned, time.Now()
	v.Error = "Tagtail ended before the job did; look at what it has left, and order it again"
	return l.writeView(*v)
}
