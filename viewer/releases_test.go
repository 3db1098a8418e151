package viewer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/release"
)

// someRelease is release n of socketserver/dev1; 2 is live.
func someRelease(n int) release.Release {
	return release.Release{
		Number: n, Kind: release.Deploy, Instance: "socketserver/dev1", Repo: "socketserver", Ref: "dev1",
		SHA: strings.Repeat(fmt.Sprint(n), 40), Subject: "UP", By: "dev1", Via: "push", When: someTime, TookMS: 90, Files: 2, Bytes: 70,
		Result: release.Succeeded, Job: "job1", Switched: true, Live: n == 2, Kept: true,
	}
}

// fakeReleases knows socketserver/dev1 with two releases.
type fakeReleases struct {
	mu        sync.Mutex
	previewed []deploy.Order
	fail      error
}

func (f *fakeReleases) known(instance string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if instance != "socketserver/dev1" {
		return fmt.Errorf("look up: %w", deploy.ErrUnknownInstance)
	}
	return f.fail
}

func (f *fakeReleases) Releases(instance string) ([]release.Release, error) {
	return []release.Release{someRelease(2), someRelease(1)}, f.known(instance)
}

func (f *fakeReleases) Refusals(_ context.Context, instance string) (map[deploy.JobKind]string, error) {
	return map[deploy.JobKind]string{deploy.ConfigJob: "no templates"}, f.known(instance)
}

func (f *fakeReleases) Preview(_ context.Context, o deploy.Order) (deploy.Preview, error) {
	err := f.known(o.Instance)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.previewed = append(f.previewed, o)
	return somePreview(), err
}

func (f *fakeReleases) Compare(_ context.Context, instance string, number int) (deploy.Preview, error) {
	if number > 2 {
		return deploy.Preview{}, &deploy.RefusedError{Sentence: "there is no release v9"}
	}
	return somePreview(), f.known(instance)
}

func somePreview() deploy.Preview {
	return deploy.Preview{
		Instance: "socketserver/dev1", Kind: deploy.DeployJob, SHA: strings.Repeat("1", 40), Subject: "UP",
		Code: "-a\n+b\n", Added: []string{}, Changed: []string{"main.lua"}, Removed: []string{}, Reload: true, Warnings: []string{},
	}
}

func releasesTest(t *testing.T) (*testServer, *fakeReleases) {
	t.Helper()
	logs, fake := newFakeLogs(0), &fakeReleases{}
	cfg := testConfig(t, logs)
	cfg.Releases = fake
	return startConfig(t, cfg, logs), fake
}

const ofDev1 = "/api/v1/instances/socketserver/dev1/"

func TestReleasesAreListedWithWhatCanBeOrdered(t *testing.T) {
	ts, _ := releasesTest(t)
	var got struct {
		Releases []releaseView
		Orders   []orderView
	}
	ts.get(t, ofDev1+"releases").decode(t, &got)
	want := []releaseView{{someRelease(2), "v2 is live already"}, {someRelease(1), ""}}
	if diff := cmp.Diff(want, got.Releases); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]orderView{{"deploy", ""}, {"rollback", ""}, {"apply", "no templates"}}, got.Orders); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
}

func TestOrdersArePreviewedAndPlaced(t *testing.T) {
	ts, fake := releasesTest(t)
	want := []deploy.Order{
		{Instance: "socketserver/dev1", By: "admin", Via: "api", Deploy: &deploy.Deploy{Rev: "dev2"}},
		{Instance: "socketserver/dev1", By: "admin", Via: "api", Deploy: &deploy.Deploy{}},
		{Instance: "socketserver/dev1", By: "admin", Via: "api", Rollback: &deploy.Rollback{Release: 1}},
		{Instance: "socketserver/dev1", By: "admin", Via: "api", Apply: &deploy.Apply{SHA: "abc"}},
	}
	for i, order := range []struct{ name, body string }{{"deploy", `{"ref":"dev2"}`}, {"deploy", ""}, {"rollback", `{"release":1}`}, {"apply", `{"sha":"abc"}`}} {
		var preview deploy.Preview
		ts.post(t, ofDev1+"preview/"+order.name, order.body).decode(t, &preview)
		if diff := cmp.Diff(somePreview(), preview); diff != "" {
			t.Errorf("preview (-want +got):\n%s", diff)
		}
		if len(ts.deployer.ordered) != i {
			t.Fatal("a preview has placed an order")
		}
		got := ts.post(t, ofDev1+order.name, order.body)
		if at := fmt.Sprintf("/api/v1/jobs/job%d", i+1); got.status != 202 || got.header.Get("Location") != at {
			t.Errorf("%s = %d at %q, want 202 at %s: %s", order.name, got.status, got.header.Get("Location"), at, got.body)
		}
	}
	if diff := cmp.Diff(want, ts.deployer.ordered); diff != "" {
		t.Errorf("ordered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, fake.previewed); diff != "" {
		t.Errorf("previewed (-want +got):\n%s", diff)
	}
	var compared deploy.Preview
	ts.get(t, ofDev1+"releases/1/diff").decode(t, &compared)
	if diff := cmp.Diff(somePreview(), compared); diff != "" {
		t.Errorf("compared (-want +got):\n%s", diff)
	}
}

func TestReleasesRefuse(t *testing.T) {
	ts, fake := releasesTest(t)
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"unknown instance":     {"GET", "/api/v1/instances/nothing/dev1/releases", "", 404, `There is no instance "nothing/dev1"`},
		"unknown order":        {"POST", ofDev1 + "explode", "", 404, `There is no order "explode": there are deploy, rollback and apply.`},
		"preview of nothing":   {"POST", ofDev1 + "preview/explode", "", 404, `There is no order "explode"`},
		"order of nobody":      {"POST", "/api/v1/instances/nothing/dev1/preview/deploy", "", 404, `There is no instance "nothing/dev1"`},
		"unreadable":           {"POST", ofDev1 + "deploy", "{", 400, "The request's body cannot be read"},
		"a list":               {"POST", ofDev1 + "preview/deploy", "[]", 400, "The request's body cannot be read"},
		"no number":            {"GET", ofDev1 + "releases/x/diff", "", 404, `There is no release "x"`},
		"number below all":     {"GET", ofDev1 + "releases/0/diff", "", 404, `There is no release "0"`},
		"number above all":     {"GET", ofDev1 + "releases/9/diff", "", 409, "there is no release v9"},
		"diff of nobody":       {"GET", "/api/v1/instances/nothing/dev1/releases/1/diff", "", 404, `There is no instance "nothing/dev1"`},
		"too much to be a ref": {"POST", ofDev1 + "deploy", `{"ref":"` + strings.Repeat("x", 70<<10) + `"}`, 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, tt.method, tt.path, tt.body, "Authorization", "Bearer "+adminToken)
			if detail := got.detail(t); got.status != tt.status || !strings.Contains(detail, tt.want) {
				t.Errorf("got %d %s, want %d %s", got.status, detail, tt.status, tt.want)
			}
		})
	}
	ts.deployer.fail = &deploy.RefusedError{Sentence: `nothing is deployed: there is no branch "x"`}
	if got := ts.post(t, ofDev1+"deploy", `{"ref":"x"}`); got.status != 409 || !strings.Contains(got.detail(t), "there is no branch") {
		t.Errorf("a refused order = %d %s", got.status, got.body)
	}
	fake.fail = errors.New("disk on fire")
	if got := ts.get(t, ofDev1+"releases"); got.status != 500 || strings.Contains(string(got.body), "fire") {
		t.Errorf("trouble = %d %s", got.status, got.body)
	}
	none := startTest(t, 0)
	for _, path := range []string{"releases", "releases/1/diff"} {
		if got := none.get(t, ofDev1+path); got.status != 404 {
			t.Errorf("%s without releases = %d, want 404", path, got.status)
		}
	}
	if got := none.post(t, ofDev1+"deploy", ""); got.status != 404 {
		t.Errorf("an order without releases = %d, want 404", got.status)
	}
}

func TestThePageOrdersViaTheWeb(t *testing.T) {
	if got := via(mustRequest(t, "POST", "/")); got != "web" {
		t.Errorf("via = %q, want web", got)
	}
}
