package viewer

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func TestDeploysAreMarkedInTheHistogramAndMeantBySearches(t *testing.T) {
	logs := newFakeLogs(3)
	cfg := testConfig(t, logs)
	at := someTime.Add(time.Minute)
	cfg.Deploys = func() []DeployMark {
		return []DeployMark{
			{Instance: "socketserver/dev1", Number: 2, Time: at, Kind: "deploy", Result: "succeeded", By: "dev1", SHA: "7ebbf4f", Subject: "UP"},
			{Instance: "socketserver/dev1", Number: 1, Time: at.Add(-time.Hour), Kind: "config", Result: "failed"},
			{Instance: "redis/dev2", Number: 1, Time: at.Add(-time.Second), Kind: "rollback", Result: "succeeded"},
		}
	}
	ts := startConfig(t, cfg, logs)
	var answer struct{ Deploys []DeployMark }
	from, to := at.Add(-time.Minute).Format(time.RFC3339), at.Add(time.Minute).Format(time.RFC3339)
	ts.get(t, "/api/v1/histogram?from="+from+"&to="+to).decode(t, &answer)
	var got []string
	for _, mark := range answer.Deploys {
		got = append(got, fmt.Sprint(mark.Instance, " ", mark.Number, " ", mark.Kind))
	}
	if diff := cmp.Diff([]string{"redis/dev2 1 rollback", "socketserver/dev1 2 deploy"}, got); diff != "" {
		t.Errorf("deploys (-want +got):\n%s", diff)
	}
	ts.get(t, "/api/v1/search?q=since:deploy")
	q := ts.logs.lastAsked().Query
	for after, want := range map[time.Duration]bool{-time.Second: false, 0: true} {
		if got := q.Match(&index.Entry{Instance: "socketserver/dev1", Received: at.Add(after)}); got != want {
			t.Errorf("since:deploy finds an entry %v after it: %t", after, got)
		}
	}
}
