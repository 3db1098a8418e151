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

const (
	// maxOldJobs is how many jobs that made a release are kept when newer ones
	// have taken their place: their output is the release's log.
	maxOldJobs = 5000
	// pruneEvery is after about how many of them those that are too many go.
	pruneEvery = 64
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

func (l journal) oldPath(id string) string { return filepath.Join(l.dir, "old", id+".json") }

// forget puts jobs that have ended aside, if they made a release, and removes
// the others.
func (l journal) forget(jobs []JobView) {
	if l.dir == "" {
		return
	}
	for _, v := range jobs {
		var err error
		if v.Release > 0 {
			err = os.Rename(l.path(v.ID), l.oldPath(v.ID))
		} else {
			err = os.Remove(l.path(v.ID))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			l.logger.Error("old job cannot be put aside", "job", v.ID, "err", err)
		}
		if v.Release > 0 && v.Release%pruneEvery == 0 {
			l.prune(maxOldJobs)
		}
	}
}

// prune removes the oldest of those that were put aside, down to keep.
func (l journal) prune(keep int) {
	entries, err := os.ReadDir(filepath.Join(l.dir, "old"))
	if err != nil || len(entries) <= keep {
		return // there are none
	}
	changed := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			changed[e.Name()] = info.ModTime()
		}
	}
	names := sortedKeys(changed)
	slices.SortStableFunc(names, func(a, b string) int { return changed[a].Compare(changed[b]) })
	for _, name := range names[:max(0, len(names)-keep)] {
		if err := os.Remove(filepath.Join(l.dir, "old", name)); err != nil {
			l.logger.Error("old job cannot be removed", "job", name, "err", err)
		}
	}
}

// old gives a job that was put aside.
func (l journal) old(id string) (*Job, bool) {
	if l.dir == "" || !jobIDPattern.MatchString(id) {
		return nil, false
	}
	v, err := readJob(l.oldPath(id), id)
	if err != nil || v.State == JobRunning {
		return nil, false
	}
	return endedJob(v), true
}

// endedJob is a job of which only the record is left.
func endedJob(v JobView) *Job {
	return &Job{in: Instance{Name: v.Instance}, view: v, changed: make(chan struct{})}
}

// load reads the jobs of the runs before, oldest first. Those that were running
// are abandoned, and given a second time.
func (l journal) load() (jobs, abandoned []*Job, err error) {
	if l.dir == "" {
		return nil, nil, nil
	}
	if err := os.MkdirAll(filepath.Join(l.dir, "old"), 0o700); err != nil {
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
	tooMany := max(0, len(views)-MaxJobs)
	l.forget(views[:tooMany])
	l.prune(maxOldJobs)
	for _, v := range views[tooMany:] {
		j := endedJob(v)
		jobs = append(jobs, j)
		if running[v.ID] {
			abandoned = append(abandoned, j)
		}
	}
	return jobs, abandoned, nil
}

func (l journal) read(id string) (JobView, error) { return readJob(l.path(id), id) }

func readJob(path, id string) (JobView, error) {
	text, err := readLimited(path, maxJournalBytes)
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
