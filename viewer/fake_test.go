package viewer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// fakeLogs keeps entries in a slice; the entry with Seq n is entries[n-1].
type fakeLogs struct {
	mu      sync.Mutex
	entries []index.Entry
	grown   chan struct{} // closed and replaced by every append
	fail    error         // of the next Search, Count and Follow
	asked   []index.SearchRequest
	stats   []index.InstanceStats
	trouble index.Trouble
}

func newFakeLogs(n int) *fakeLogs {
	f := &fakeLogs{grown: make(chan struct{})}
	f.add(n)
	return f
}

var someTime = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// add appends n entries whose messages are "entry SEQ".
func (f *fakeLogs) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		seq := uint64(len(f.entries) + 1)
		f.entries = append(f.entries, index.Entry{
			Seq: seq, Received: someTime.Add(time.Duration(seq) * time.Second),
			Facility: index.Local5, Severity: index.Err, Format: index.FormatRFC5424, InstanceBy: index.ByContent,
			AppName: "socketserver_dev1", Instance: "socketserver/dev1",
			Input: "udp://127.0.0.1:5514", Message: fmt.Sprintf("entry %d", seq),
		})
	}
	close(f.grown)
	f.grown = make(chan struct{})
}

func (f *fakeLogs) setFail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// lastAsked is the newest request to Search.
func (f *fakeLogs) lastAsked() index.SearchRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

func (f *fakeLogs) Search(_ context.Context, req index.SearchRequest) (index.SearchResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, req)
	if f.fail != nil {
		return index.SearchResult{}, f.fail
	}
	result := index.SearchResult{Stats: index.SearchStats{ScannedBlocks: 1, SkippedBlocks: 2, Took: 1500 * time.Microsecond}}
	looked := 0
	for i := range f.entries {
		if req.Order == index.NewestFirst {
			i = len(f.entries) - 1 - i
		}
		if !wanted(index.SearchRequest{After: req.After, Before: req.Before}, &f.entries[i]) {
			continue
		}
		// Seven entries are as many as one can look at in a moment.
		if looked++; req.Within > 0 && looked > 7 {
			result.More = true
			result.Reached = index.Reached{Seq: f.entries[i].Seq + 1, Received: f.entries[i].Received}
			if req.Order == index.OldestFirst {
				result.Reached.Seq = f.entries[i].Seq - 1
			}
			break
		}
		if !wanted(req, &f.entries[i]) {
			continue
		}
		if len(result.Entries) == req.Limit {
			result.More = true
			break
		}
		result.Entries = append(result.Entries, f.entries[i])
	}
	return result, nil
}

func wanted(req index.SearchRequest, e *index.Entry) bool {
	switch {
	case req.Before > 0 && e.Seq >= req.Before, e.Seq <= req.After,
		!req.From.IsZero() && e.Received.Before(req.From),
		!req.To.IsZero() && !e.Received.Before(req.To):
		return false
	}
	return req.Query.Match(e)
}

func (f *fakeLogs) Count(ctx context.Context, req index.CountRequest) (uint64, error) {
	result, err := f.Search(ctx, index.SearchRequest{Query: req.Query, From: req.From, To: req.To, Limit: -1})
	return uint64(len(result.Entries)), err
}

// followBatch is small, so that tails see many batches.
const followBatch = 100

func (f *fakeLogs) Follow(ctx context.Context, req index.FollowRequest, yield func(index.FollowBatch) error) error {
	for at := req.After; ; {
		batch, grown, err := f.next(at, req)
		if err != nil {
			return err
		}
		if grown == nil {
			if err := yield(batch); err != nil {
				return err
			}
			at = batch.Seq
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// next returns the batch behind at, or what to wait for.
func (f *fakeLogs) next(at uint64, req index.FollowRequest) (index.FollowBatch, chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := uint64(len(f.entries))
	if f.fail != nil || at >= last {
		return index.FollowBatch{}, f.grown, f.fail
	}
	var batch index.FollowBatch
	if req.MaxLag > 0 && last-at > req.MaxLag {
		batch.Gap = index.Gap{FromSeq: at + 1, ToSeq: last - req.MaxLag, Count: last - req.MaxLag - at}
		at = batch.Gap.ToSeq
	}
	batch.Seq = min(last, at+followBatch)
	for i := at; i < batch.Seq; i++ {
		if req.Query.Match(&f.entries[i]) {
			batch.Entries = append(batch.Entries, f.entries[i])
		}
	}
	return batch, nil, nil
}

func (f *fakeLogs) Trouble() index.Trouble {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trouble
}

func (f *fakeLogs) Instances() []index.InstanceStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

func (f *fakeLogs) LastSeq() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.entries))
}

// fakeDeployer knows socketserver/dev1, which runs, and mysql/shared.
type fakeDeployer struct {
	mu   sync.Mutex
	jobs map[string]running
	fail error

	ordered []deploy.Order
}

func newFakeDeployer() *fakeDeployer {
	return &fakeDeployer{jobs: make(map[string]running)}
}

func (f *fakeDeployer) Status(context.Context) []deploy.Status {
	return []deploy.Status{
		{
			Instance: deploy.Instance{Name: "socketserver/dev1", Kind: deploy.Nginx, Port: 6201},
			State:    deploy.Running, PID: 4711, Started: someTime, Live: someRelease(2),
			Refused: map[deploy.Action]string{deploy.Start: "It runs already."},
		},
		{Instance: deploy.Instance{Name: "mysql/shared", Kind: deploy.Shared}, State: deploy.Unknown, Detail: "Nothing tells."},
	}
}

func (f *fakeDeployer) Do(instance string, action deploy.Action, by string) (running, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.fail != nil:
		return nil, f.fail
	case instance != "socketserver/dev1":
		return nil, fmt.Errorf("look up %s: %w", instance, deploy.ErrUnknownInstance)
	case action == deploy.Start:
		return nil, refusal(instance, action)
	}
	job := newJob(fmt.Sprintf("job%d", len(f.jobs)+1), instance, action, by)
	f.jobs[job.View().ID] = job
	return job, nil
}

func (f *fakeDeployer) Order(o deploy.Order) (running, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	f.ordered = append(f.ordered, o)
	job := newJob(fmt.Sprintf("job%d", len(f.jobs)+1), o.Instance, "deploy", o.By)
	f.jobs[job.View().ID] = job
	return job, nil
}

func (f *fakeDeployer) Job(id string) (running, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	job, ok := f.jobs[id]
	return job, ok
}

func refusal(instance string, action deploy.Action) error {
	return &deploy.RefusedError{Sentence: fmt.Sprintf("%s %s: it runs already", action, instance)}
}

// fakeJob prints and finishes when a test says so.
type fakeJob struct {
	mu      sync.Mutex
	view    deploy.JobView
	changed chan struct{} // closed and replaced at every change
}

func newJob(id, instance string, action deploy.Action, by string) *fakeJob {
	return &fakeJob{
		view:    deploy.JobView{ID: id, Instance: instance, Action: action, By: by, State: deploy.JobRunning, Started: someTime},
		changed: make(chan struct{}),
	}
}

func (j *fakeJob) change(by func(*deploy.JobView)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	by(&j.view)
	close(j.changed)
	j.changed = make(chan struct{})
}

// printAndFinish prints line by line and ends the job; a nil err is success.
func printAndFinish(job running, err error, lines ...string) {
	j := job.(*fakeJob)
	for _, line := range lines {
		j.change(func(v *deploy.JobView) { v.Output = append(v.Output, line) })
	}
	j.change(func(v *deploy.JobView) {
		v.State, v.Finished = deploy.JobSucceeded, someTime
		if err != nil {
			v.State, v.Error = deploy.JobFailed, err.Error()
		}
	})
}

func (j *fakeJob) View() deploy.JobView {
	j.mu.Lock()
	defer j.mu.Unlock()
	view := j.view
	view.Output = slices.Clone(view.Output)
	return view
}

func (j *fakeJob) Wait(ctx context.Context, from int) (lines []string, done bool, err error) {
	for {
		view, changed := j.viewAndChange()
		if lines = view.Output[from:]; len(lines) > 0 || view.State != deploy.JobRunning {
			return lines, view.State != deploy.JobRunning, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-changed:
		}
	}
}

func (j *fakeJob) viewAndChange() (deploy.JobView, chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	view := j.view
	view.Output = slices.Clone(view.Output)
	return view, j.changed
}
