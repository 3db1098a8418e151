package viewer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

func TestInstancesJoinsWhatIsKnownAndWhatIsSeen(t *testing.T) {
	live := someRelease(2)
	ts := startTest(t, 0)
	ts.logs.mu.Lock()
	ts.logs.stats = []index.InstanceStats{
		{Instance: "socketserver/dev1", Entries: 10, Bytes: 1000, Last: someTime, LastError: someTime},
		{Instance: "dtserver/dev2", Entries: 3, Bytes: 30, Last: someTime},
	}
	ts.logs.mu.Unlock()
	var got struct {
		Instances []instanceView
		Inputs    []InputStatus
	}
	ts.get(t, "/api/v1/instances").decode(t, &got)
	possible := func(actions ...deploy.Action) []actionView {
		views := []actionView{{deploy.Start, "It runs already."}}
		for _, a := range actions {
			views = append(views, actionView{Action: a})
		}
		return views
	}
	want := []instanceView{
		{Instance: "dtserver/dev2", Service: "dtserver", Owner: "dev2", Kind: "unknown", State: "unknown", Entries: 3, Bytes: 30, Last: someTime, Actions: []actionView{}},
		{Instance: "mysql/shared", Service: "mysql", Owner: "shared", Kind: "shared", State: "unknown", Detail: "Nothing tells.", Actions: []actionView{}},
		{Instance: "socketserver/dev1", Service: "socketserver", Owner: "dev1", Kind: "nginx", State: "running", PID: 4711, Started: someTime, Port: 6201, Release: &live,
			Entries: 10, Bytes: 1000, Last: someTime, LastError: someTime,
			Actions: possible(deploy.Stop, deploy.Quit, deploy.Reload, deploy.Reopen, deploy.Restart, deploy.Test)},
		{Instance: "unassigned", Kind: "unknown", State: "unknown", Actions: []actionView{}},
	}
	if diff := cmp.Diff(want, got.Instances); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ts.cfg.Inputs(), got.Inputs); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

func TestInstancesWithoutDeployerAndInputs(t *testing.T) {
	ts := startTest(t, 0)
	ts.controls, ts.cfg.Inputs = deployerControls{}, func() []InputStatus { return nil }
	got := ts.get(t, "/api/v1/instances")
	if want := `"inputs":[]`; !strings.Contains(string(got.body), want) || !strings.Contains(string(got.body), "unassigned") {
		t.Errorf("got %s, want %s and unassigned", got.body, want)
	}
	if got := ts.post(t, "/api/v1/instances/socketserver/dev1/actions/reload", ""); got.status != 404 {
		t.Errorf("an action without a deployer = %d, want 404", got.status)
	}
	if got := ts.get(t, "/api/v1/jobs/job1"); got.status != 404 {
		t.Errorf("a job without a deployer = %d, want 404", got.status)
	}
}

func TestInstancesSayThatNothingIsKept(t *testing.T) {
	ts := startTest(t, 1)
	for name, tt := range map[string]struct {
		err  error
		want *troubleView
	}{
		"fine":      {nil, nil},
		"disk full": {fmt.Errorf("append 7 entries: %w", &os.PathError{Op: "write", Path: "/secret", Err: syscall.ENOSPC}), &troubleView{someTime, true}},
		"quota":     {syscall.EDQUOT, &troubleView{someTime, true}},
		"broken":    {syscall.EIO, &troubleView{someTime, false}},
	} {
		t.Run(name, func(t *testing.T) {
			ts.logs.mu.Lock()
			ts.logs.trouble = index.Trouble{}
			if tt.err != nil {
				ts.logs.trouble = index.Trouble{Since: someTime, Dropped: 7, Err: tt.err}
			}
			ts.logs.mu.Unlock()
			var got struct{ Trouble *troubleView }
			answer := ts.get(t, "/api/v1/instances")
			answer.decode(t, &got)
			if diff := cmp.Diff(tt.want, got.Trouble); diff != "" || strings.Contains(string(answer.body), "secret") {
				t.Errorf("trouble (-want +got):\n%s\nof %s", diff, answer.body)
			}
		})
	}
}

func TestRatesAreOfTheLastMinute(t *testing.T) {
	var r rates
	at := func(second int, entries uint64) {
		r.sample(someTime.Add(time.Duration(second)*time.Second), []index.InstanceStats{{Instance: "a/b", Entries: entries}})
	}
	if got := r.of("a/b"); got != 0 {
		t.Errorf("rate without samples = %v", got)
	}
	at(0, 1000)
	if got := r.of("a/b"); got != 0 {
		t.Errorf("rate of one sample = %v: what was there before the start must not count", got)
	}
	at(5, 1010)
	if got := r.of("a/b"); got != 2 {
		t.Errorf("rate = %v, want 2", got)
	}
	at(10, 500) // old entries were removed
	at(15, 520)
	if got := r.of("a/b"); got != 2 {
		t.Errorf("rate = %v after a removal, want 2", got)
	}
	if diff := cmp.Diff([]uint64{10, 0, 20}, r.recent("a/b")); diff != "" {
		t.Errorf("entries every 5 s (-want +got):\n%s", diff)
	}
	for second := 20; second <= 80; second += 5 {
		at(second, 520)
	}
	if got := r.of("a/b"); got != 0 {
		t.Errorf("rate = %v after a quiet minute, want 0", got)
	}
	if got := len(r.samples); got > 13 {
		t.Errorf("%d samples are kept, want those of a minute", got)
	}
	if got := r.of("never/seen"); got != 0 {
		t.Errorf("rate of an unknown instance = %v", got)
	}
}

func TestActionStartsAJob(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.post(t, "/api/v1/instances/socketserver/dev1/actions/reload", "")
	if got.status != 202 || got.header.Get("Location") != "/api/v1/jobs/job1" {
		t.Fatalf("action = %d at %q, want 202 at /api/v1/jobs/job1: %s", got.status, got.header.Get("Location"), got.body)
	}
	job, _ := ts.deployer.Job("job1")
	printAndFinish(job, errors.New("exit status 1"), "nginx: bad configuration")
	var view deploy.JobView
	ts.get(t, got.header.Get("Location")).decode(t, &view)
	want := deploy.JobView{
		ID: "job1", Instance: "socketserver/dev1", Action: deploy.Reload, By: "admin", State: deploy.JobFailed,
		Started: view.Started, Finished: view.Finished, Error: "exit status 1", Output: []string{"nginx: bad configuration"},
	}
	if diff := cmp.Diff(want, view); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
}

func TestActionErrors(t *testing.T) {
	ts := startTest(t, 0)
	tests := map[string]struct {
		path   string
		status int
		want   string
	}{
		"unknown instance": {"/api/v1/instances/nothing/dev1/actions/reload", 404, `There is no instance "nothing/dev1" that can be controlled`},
		"unknown action":   {"/api/v1/instances/socketserver/dev1/actions/explode", 404, `There is no action "explode": there are start, stop, quit, reload, reopen, restart, test.`},
		"refused":          {"/api/v1/instances/socketserver/dev1/actions/start", 409, "runs already"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ts.post(t, tt.path, "")
			if detail := got.detail(t); got.status != tt.status || !strings.Contains(detail, tt.want) {
				t.Errorf("got %d %s, want %d %s", got.status, detail, tt.status, tt.want)
			}
		})
	}
	if got := ts.get(t, "/api/v1/jobs/none"); got.status != 404 || !strings.Contains(got.detail(t), `"none"`) {
		t.Errorf("unknown job = %d, want 404", got.status)
	}
}

func TestJobOutputStreamsFromTheFirstLineToTheEnd(t *testing.T) {
	ts := startTest(t, 0)
	ts.post(t, "/api/v1/instances/socketserver/dev1/actions/test", "")
	job, _ := ts.deployer.Job("job1")
	want := make([]string, 1200)
	for i := range want {
		want[i] = strings.Repeat("x", i%50)
	}
	c := ts.open(t, "/api/v1/jobs/job1/output")
	go printAndFinish(job, nil, want...)
	var got []string
	for {
		f := c.next()
		if f.Type == "done" {
			if f.Job.State != deploy.JobSucceeded || len(f.Job.Output) != len(want) {
				t.Errorf("done with %s and %d lines, want succeeded and %d", f.Job.State, len(f.Job.Output), len(want))
			}
			break
		}
		if f.From != len(got) || len(f.Lines) > maxOutputLines {
			t.Errorf("frame with %d lines from %d behind %d", len(f.Lines), f.From, len(got))
		}
		got = append(got, f.Lines...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if got := c.closeCode(); got != websocket.CloseNormalClosure {
		t.Errorf("close code = %d, want 1000", got)
	}
	if got := ts.get(t, "/api/v1/jobs/none/output"); got.status != 404 {
		t.Errorf("output of an unknown job = %d, want 404", got.status)
	}
}

func TestJobOutputIsClosedAtShutdown(t *testing.T) {
	ts := startTest(t, 0)
	ts.post(t, "/api/v1/instances/socketserver/dev1/actions/test", "")
	c := ts.open(t, "/api/v1/jobs/job1/output")
	stopped := make(chan error, 1)
	go func() { stopped <- ts.stop() }()
	if got := c.closeCode(); got != websocket.CloseGoingAway {
		t.Errorf("close code = %d, want 1001", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
}
