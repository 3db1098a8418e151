package viewer

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// storePurger notes nobody's name.
type storePurger struct{ *index.Store }

func (p storePurger) Purge(ctx context.Context, req index.PurgeRequest, _ string, progress func(index.Progress)) (index.PurgeReport, error) {
	return p.Store.Purge(ctx, req, progress)
}

func TestAdministratorPurgesAnInstanceAndGetsTheProof(t *testing.T) {
	ts := team(t, nil)
	_, headers := callers(t, ts)
	var preview struct {
		Deletes index.PurgeContent
	}
	ts.do(t, "GET", "/api/v1/store/purge?instance=socketserver/dev1", "", headers["boss"]...).decode(t, &preview)
	if preview.Deletes.Entries != 10 {
		t.Errorf("preview %+v, want 10 entries", preview.Deletes)
	}
	for path, want := range map[string]string{
		"instance=dev1":                       "The parameter instance is \\\"dev1\\\": write it as SERVICE/OWNER",
		"":                                    "The parameter instance is",
		"instance=socketserver/dev1&before=x": "The parameter before is",
	} {
		for _, method := range []string{"GET", "POST"} {
			if got := ts.do(t, method, "/api/v1/store/purge?"+path, "", headers["boss"]...); got.status != 400 || !strings.Contains(string(got.body), want) {
				t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
			}
		}
	}
	started := ts.do(t, "POST", "/api/v1/store/purge?instance=socketserver/dev1", "", headers["boss"]...)
	var job deploy.JobView
	started.decode(t, &job)
	if started.status != 202 {
		t.Fatalf("%d %s", started.status, started.body)
	}
	if got := ts.do(t, "GET", "/api/v1/jobs/"+job.ID, "", headers["dev1"]...); got.status != 404 {
		t.Errorf("dev1 sees the job: %d", got.status)
	}
	job = waitForJob(t, ts, job.ID)
	var report index.PurgeReport
	if err := json.Unmarshal([]byte(job.Output[len(job.Output)-1]), &report); err != nil || job.State != deploy.JobSucceeded {
		t.Fatalf("job %+v, %v", job, err)
	}
	if report.Deleted.Entries != 10 || report.Proof.Blocks == 0 || len(report.Proof.Left) != 0 {
		t.Errorf("report %+v", report)
	}
	for name, want := range map[string]string{"dev1": `"count":10,`, "boss": `"count":40,`} { // what is shared, and the others'
		if got := ts.do(t, "GET", "/api/v1/count?q=", "", headers[name]...); !strings.Contains(string(got.body), want) {
			t.Errorf("%s counts %s, want %s", name, got.body, want)
		}
	}
}

func TestServerWithoutAStoreOfItsOwnPurgesNothing(t *testing.T) {
	logs := newFakeLogs(0)
	ts := startConfig(t, testConfig(t, logs), logs)
	for _, method := range []string{"GET", "POST"} {
		got := ts.do(t, method, "/api/v1/store/purge?instance=a/b", "", "Authorization", "Bearer "+adminToken)
		if got.status != 404 || !strings.Contains(string(got.body), "keeps no store of its own") {
			t.Errorf("%s: %d %s", method, got.status, got.body)
		}
	}
}
