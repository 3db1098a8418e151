package viewer

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// fakeUpkeep finds what it is told to, once it may.
type fakeUpkeep struct {
	may      chan struct{}
	findings []index.Finding
}

func (f *fakeUpkeep) Verify(ctx context.Context, progress func(index.Progress)) (index.Report, error) {
	select {
	case <-f.may:
	case <-ctx.Done():
		return index.Report{}, ctx.Err()
	}
	progress(index.Progress{Done: 1, Total: 2})
	progress(index.Progress{Done: 2, Total: 2})
	return index.Report{Blocks: 2, Findings: f.findings}, nil
}

func (f *fakeUpkeep) Rebuild(context.Context, func(index.Progress)) error { return nil }

// waitForJob is the job when it is done.
func waitForJob(t *testing.T, ts *testServer, id string) deploy.JobView {
	t.Helper()
	job := ts.upkeep.find(id)
	for from := 0; ; {
		lines, done, err := job.Wait(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		if from += len(lines); done {
			break
		}
	}
	var view deploy.JobView
	ts.do(t, "GET", "/api/v1/jobs/"+id, "", "Authorization", "Bearer "+adminToken).decode(t, &view)
	return view
}

func TestStoreIsVerifiedAndRebuiltByJobsOneAtATime(t *testing.T) {
	store := &fakeUpkeep{may: make(chan struct{}), findings: []index.Finding{{File: "x.block", Offset: 7, What: "checksum"}}}
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.Upkeep = store
	ts := startConfig(t, cfg, logs)

	first := ts.do(t, "POST", "/api/v1/store/verify", "", "Authorization", "Bearer "+adminToken)
	var view deploy.JobView
	first.decode(t, &view)
	if first.status != 202 || first.header.Get("Location") != "/api/v1/jobs/"+view.ID {
		t.Fatalf("got %d, location %q, of job %q", first.status, first.header.Get("Location"), view.ID)
	}
	if got := ts.do(t, "POST", "/api/v1/store/rebuild", "", "Authorization", "Bearer "+adminToken); got.status != 409 {
		t.Errorf("a second one meanwhile: %d, want 409", got.status)
	}
	if got := ts.do(t, "POST", "/api/v1/store/rebuild", ""); got.status != 401 {
		t.Errorf("without a token: %d, want 401", got.status)
	}
	close(store.may)
	view = waitForJob(t, ts, view.ID)
	want := []string{"# 1 of 2 files", "# 2 of 2 files", "x.block:7: damaged: checksum", "# 0 journal segments, 2 blocks, 0 filters, 0 word indexes: 1 findings"}
	if diff := cmp.Diff(want, view.Output); diff != "" || view.State != deploy.JobFailed {
		t.Errorf("state %s, output (-want +got):\n%s", view.State, diff)
	}
	ts.do(t, "POST", "/api/v1/store/rebuild", "", "Authorization", "Bearer "+adminToken).decode(t, &view)
	if view = waitForJob(t, ts, view.ID); view.State != deploy.JobSucceeded || view.Action != actionRebuild {
		t.Errorf("job = %+v, want that it rebuilt", view)
	}
}

func TestServerThatStopsEndsTheJobOnTheStore(t *testing.T) {
	logs := newFakeLogs(0)
	cfg := testConfig(t, logs)
	cfg.Upkeep = &fakeUpkeep{may: make(chan struct{})}
	ts := startConfig(t, cfg, logs)
	var view deploy.JobView
	ts.do(t, "POST", "/api/v1/store/verify", "", "Authorization", "Bearer "+adminToken).decode(t, &view)
	if err := ts.stop(); err != nil {
		t.Fatal(err)
	}
}
