package viewer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// The message of each instance has a word that is in no other.
var (
	ofTeam  = []string{"socketserver/dev1", "socketserver/dev2", "redis/dev2", "mysql/shared", index.Unassigned}
	secrets = map[string]string{
		"socketserver/dev1": "aardvark", "socketserver/dev2": "zebrafish", "redis/dev2": "wolverine", "mysql/shared": "capybara", index.Unassigned: "platypus",
	}
)

// team is a server with entries of dev1, dev2 and others, and people.
func team(t *testing.T, change func(*Config)) *testServer {
	t.Helper()
	store, err := index.Open(index.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, store)
	cfg.Releases, cfg.Upkeep, cfg.Purger = &fakeReleases{}, store, storePurger{store}
	cfg.Importer = &fakeImporter{}
	cfg.Backup = func(_ context.Context, _ string, _ map[string]int64, w io.Writer) error {
		_, err := io.WriteString(w, "everything")
		return err
	}
	cfg.Deploys = func() []DeployMark { return []DeployMark{{Instance: "socketserver/dev2"}} }
	if change != nil {
		change(&cfg)
	}
	ts := startConfig(t, cfg, nil)
	t.Cleanup(func() {
		if err := ts.stop(); err != nil {
			t.Error(err)
		}
		closeTest(t, store)
	})
	for i := range 10 {
		addOfTeam(t, store, i)
	}
	for name, role := range map[string]accounts.Role{"guest": accounts.Viewer, "looker": accounts.Viewer, "dev1": accounts.Developer, "dev2": accounts.Developer, "helper": accounts.Developer, "boss": accounts.Admin, "gone": accounts.Developer} {
		if _, err := ts.accounts.Add(name, role, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for name, control := range map[string]bool{"looker": false, "helper": true} {
		if _, err := ts.accounts.Grant(name, accounts.Grant{Instance: "socketserver/dev1", Control: control}); err != nil {
			t.Fatal(err)
		}
	}
	return ts
}

func addOfTeam(t *testing.T, store *index.Store, i int) {
	t.Helper()
	var entries []index.Entry
	for _, instance := range ofTeam {
		entries = append(entries, index.Entry{
			Received: time.Now(), Time: time.Now(), Instance: instance, Hostname: "host-" + secrets[instance], AppName: "app-" + secrets[instance],
			Message: fmt.Sprintf("%s number %d rid=%s%d", secrets[instance], i, secrets[instance], i), Severity: index.Severity(i % 8),
		})
	}
	if err := store.Append(entries); err != nil {
		t.Fatal(err)
	}
}

// callers are who may ask, in the order of the matrix, with their headers.
func callers(t *testing.T, ts *testServer) (names []string, headers map[string][]string) {
	t.Helper()
	headers = map[string][]string{"anonymous": nil}
	names = []string{"anonymous"}
	session := func(name, id string) {
		names = append(names, name)
		headers[name] = []string{"Cookie", ts.cookieName() + "=" + id}
	}
	for _, name := range []string{"guest", "looker", "dev1", "dev2", "helper", "boss"} {
		session(name, newSession(t, ts.Server, name))
	}
	for name, scopes := range map[string]tokens.Scopes{"dev1 pushes": tokens.Push, "dev1 reads": tokens.Read, "dev1 all": tokens.AllScopes} {
		headers[name] = []string{"Authorization", "Bearer " + newPerson(t, ts.Server, "dev1", accounts.Developer, scopes)}
	}
	names = append(names, "dev1 pushes", "dev1 reads", "dev1 all")
	session("disabled", newSession(t, ts.Server, "gone"))
	if _, err := ts.accounts.Disable("gone", true, time.Now()); err != nil {
		t.Fatal(err)
	}
	expired, err := ts.sessions.add("dev1", "", "", time.Now().Add(-sessionLife))
	if err != nil {
		t.Fatal(err)
	}
	session("expired", expired)
	return names, headers
}

// What each route answers. ok is any status below 400, or one that says that the
// request was understood and something else stands in its way.
const (
	//                 anonymous guest looker dev1 dev2 helper boss | dev1's tokens: push, read, all | disabled expired
	toAll       = "          ok    ok    ok    ok   ok    ok    ok     ok  ok  ok                         ok     ok"
	toMembers   = "         401    ok    ok    ok   ok    ok    ok     ok  ok  ok                        401    401"
	toPersons   = "         401    ok    ok    ok   ok    ok    ok    403 403 403                        401    401"
	toReaders   = "         401    ok    ok    ok   ok    ok    ok    403  ok  ok                        401    401"
	toBrowsers  = "         303    ok    ok    ok   ok    ok    ok    403  ok  ok                        303    303"
	toWhoSee    = "         401   404    ok    ok  404    ok    ok    403  ok  ok                        401    401"
	toWhoLook   = "         401   404    ok    ok  404    ok    ok    403 403  ok                        401    401"
	toWhoMove   = "         401   404   403    ok  404    ok    ok    403 403  ok                        401    401"
	toSenders   = "         401   403   403    ok  403    ok    ok    403 403  ok                        401    401"
	toAdmins    = "         401   403   403   403  403   403    ok    403 403 403                        401    401"
	toDev1      = "         401   403   403    ok  403   403    ok    403 403 403                        401    401"
	toOwnTokens = "         401   404   404    ok  404   404    ok    403 403 403                        401    401"
)

// matrix has a row for each route.
func matrix() map[string]string {
	rows := map[string]string{
		"GET /api/v1/entries/:seq": toWhoSee, "GET /api/v1/context": toWhoSee,
		"GET /api/v1/me": toMembers,
		"GET /":          toBrowsers, "GET /lib/*": toBrowsers, "GET /help/*": toBrowsers, "GET /export": toBrowsers,
		"POST /api/v1/ingest": toSenders, "GET /api/v1/ingest": toSenders,
		"POST /api/v1/instances/:service/:owner/actions/:action":      toWhoMove,
		"POST /api/v1/instances/:service/:owner/:order":               toWhoMove,
		"POST /api/v1/instances/:service/:owner/preview/:order":       toWhoLook,
		"GET /api/v1/instances/:service/:owner/releases":              toWhoSee,
		"GET /api/v1/instances/:service/:owner/releases/:number/diff": toWhoSee,
		"GET /api/v1/jobs/:id":                                        toWhoSee, "GET /api/v1/jobs/:id/output": toWhoSee,
		"POST /api/v1/store/verify": toAdmins, "POST /api/v1/store/rebuild": toAdmins, "GET /metrics": toAdmins,
		"GET /api/v1/store/imports": toAdmins, "POST /api/v1/store/imports/:id": toAdmins,
		"GET /api/v1/store/purge": toAdmins, "POST /api/v1/store/purge": toAdmins, "POST /api/v1/store/backup": toAdmins,
		"GET /api/v1/people": toAdmins, "PUT /api/v1/people/:name": toAdmins, "PUT /api/v1/people/:name/password": toDev1,
		"PUT /api/v1/people/:name/grants/:service/:owner": toAdmins, "DELETE /api/v1/people/:name/grants/:service/:owner": toAdmins,
		"DELETE /api/v1/sessions/:id": toOwnTokens, "DELETE /api/v1/tokens/:id": toOwnTokens,
		"POST /api/v1/tokens": toDev1, "POST /api/v1/links": toDev1,
	}
	for _, path := range []string{"search", "count", "histogram", "facets", "shapes", "fields", "export", "tail", "instances", "views"} {
		rows["GET /api/v1/"+path] = toReaders
	}
	for _, path := range []string{"GET /api/v1/sessions", "GET /api/v1/tokens", "PUT /api/v1/views/:scope/:name", "DELETE /api/v1/views/:scope/:name"} {
		rows[path] = toPersons
	}
	for _, path := range []string{"POST /api/v1/login", "POST /api/v1/logout", "GET /api/v1/login", "GET /login/oidc", "GET /login/oidc/callback", "GET /api/v1/openapi.json", "GET /s/:name", "GET /i/*", "GET /login", "GET /static/*", "GET /healthz", "GET /readyz"} {
		rows[path] = toAll
	}
	for _, path := range logAnalyzerPages {
		rows["GET "+path] = toBrowsers
	}
	return rows
}

func TestMatrixOfWhoMayDoWhat(t *testing.T) {
	ts := team(t, nil)
	names, headers := callers(t, ts)
	deployer := ts.controls.(*fakeDeployer)
	if _, err := deployer.Do("socketserver/dev1", deploy.Reload, "dev1"); err != nil {
		t.Fatal(err)
	}
	rows := matrix()
	routes := ts.routes()
	isLogout := func(r route) bool { return r.path == "/api/v1/logout" }
	logout := routes[slices.IndexFunc(routes, isLogout)]
	for _, r := range append(slices.DeleteFunc(routes, isLogout), logout) { // it ends the sessions
		key := r.method + " " + r.path
		want, ok := rows[key]
		delete(rows, key)
		if r.access == gitUser { // TestGitTokensOpenOnlyWhatIsTheirs has theirs
			continue
		}
		if !ok {
			t.Errorf("%s has no row", key)
			continue
		}
		for i, status := range strings.Fields(want) {
			t.Run(key+" by "+names[i], func(t *testing.T) {
				ts.failures.forget("127.0.0.1")
				path, body := ofDev1Request(t, ts, r)
				got := ts.do(t, r.method, path, body, append(headers[names[i]], "Content-Type", "text/plain")...)
				denied := got.status == 401 || got.status == 403 || got.status == 303 && strings.Contains(got.header.Get("Location"), "login")
				if found := fmt.Sprint(got.status); status != "ok" && found != status || status == "ok" && (denied || hidden(got)) {
					t.Errorf("%s is answered %d %.200s, want %s", path, got.status, got.body, status)
				}
			})
		}
	}
	for key := range rows {
		t.Errorf("%s is no route", key)
	}
}

// hidden tells whether the answer says that something of dev1 is not there.
func hidden(a answerOf) bool {
	return a.status == 404 && bytes.Contains(a.body, []byte("There is no ")) && !bytes.Contains(a.body, []byte("There is no view"))
}

// ofDev1Request is a request that has to do with what is dev1's.
func ofDev1Request(t *testing.T, ts *testServer, r route) (path, body string) {
	t.Helper()
	id := "5f2c0d9b1e77"
	switch r.path {
	case "/api/v1/sessions/:id":
		id = sessionID(hashSecret(newSession(t, ts.Server, "dev1")))
	case "/api/v1/tokens/:id":
		token, _, err := ts.tokens.Add("dev1", tokens.Read, "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		id = token.ID
	case "/api/v1/jobs/:id", "/api/v1/jobs/:id/output":
		id = "job1"
	}
	path = strings.NewReplacer(":service", "socketserver", ":owner", "dev1", ":action", "reload", ":id", id, ":order", "deploy",
		":number", "1", ":seq", "1", ":scope", "mine", ":name", "dev1", "*", "js/app.js").Replace(r.path)
	switch r.path {
	case "/api/v1/context":
		path += "?seq=1"
	case "/api/v1/store/purge":
		path += "?instance=socketserver/dev9" // or the other rows had nothing to see
	case "/api/v1/store/imports/:id":
		path += "?path=/var/log/x.log"
	case "/api/v1/ingest":
		path += "?instance=socketserver/dev1"
		body = "hello"
	case "/api/v1/people/:name":
		body = `{"role":"developer"}`
	case "/api/v1/people/:name/password":
		body = `{"new":"short"}` // 400 from whoever may
	case "/api/v1/people/:name/grants/:service/:owner":
		path = strings.Replace(path, "people/dev1", "people/guest", 1)
		path = strings.Replace(path, "socketserver/dev1", "socketserver/dev9", 1)
		body = `{"control":false}`
	case "/api/v1/tokens", "/api/v1/links":
		if r.method == http.MethodPost {
			body = `{"owner":"dev1","person":"dev1","scopes":["read"]}`
		}
	case "/api/v1/views/:scope/:name":
		body = `{"search":"?q=x"}`
	}
	return path, body
}

// questions are whatever may show entries, with tricks to reach those of others.
func questions() []string {
	var paths []string
	for _, q := range []string{
		"", "*", "instance:*", "instance:socketserver/dev2", "i:*/dev2", "zebrafish", "z*", "/zebra.*/", "NOT aardvark", "-aardvark", "aardvark OR zebrafish",
		"(aardvark OR NOT aardvark)", "host:*", "app:app-zebrafish", "instance:unassigned", "owner:dev2", "seq:2", "rid=zebrafish1", "severity:err OR *",
		"NOT (instance:socketserver/dev1)", "in:dev2", "is:deploy", "deploy:7", "since:deploy", ") OR (zebrafish", `"zebrafish number"`,
	} {
		escaped := url.QueryEscape(q)
		for _, path := range []string{"search?limit=500", "count?", "histogram?from=1h&by=severity", "facets?fields=instance,hostname,app_name", "shapes?", "export?format=ndjson", "export?format=csv", "export?format=txt"} {
			paths = append(paths, "/api/v1/"+path+"&q="+escaped)
		}
		paths = append(paths, "/export?i=socketserver/dev1&i=socketserver/dev2&i=mysql/shared&q="+escaped)
	}
	for seq := range 2 * len(ofTeam) {
		paths = append(paths, fmt.Sprintf("/api/v1/entries/%d", seq+1), fmt.Sprintf("/api/v1/context?seq=%d&before=50&after=50", seq+1))
	}
	return append(paths, "/api/v1/instances", "/api/v1/instances/socketserver/dev2/releases", "/api/v1/views", "/api/v1/tokens", "/api/v1/sessions", "/api/v1/fields", "/api/v1/me")
}

func TestNotOneByteOfOthersReachesAPerson(t *testing.T) {
	sees := map[string][]string{
		"dev1": {"socketserver/dev1", "mysql/shared"}, "dev2": {"socketserver/dev2", "redis/dev2", "mysql/shared"}, "guest": {"mysql/shared"},
		"looker": {"socketserver/dev1", "mysql/shared"}, "helper": {"socketserver/dev1", "mysql/shared"}, "boss": ofTeam,
	}
	ts := team(t, nil)
	_, headers := callers(t, ts)
	for name, instances := range sees {
		found := make(map[string]bool)
		for _, path := range questions() {
			got := ts.do(t, "GET", path, "", headers[name]...)
			asked, _ := url.QueryUnescape(path)
			for _, instance := range ofTeam {
				word := secrets[instance]
				// What was asked for comes back as terms.
				answer := strings.ReplaceAll(string(got.body), `"text":"`+word, "")
				if !strings.Contains(answer, word) || strings.Contains(asked, word) && strings.Contains(answer, `"entries":[]`) {
					continue
				}
				found[instance] = true
				if !slices.Contains(instances, instance) {
					t.Errorf("%s reads %q of %s with %s: %.300s", name, word, instance, asked, got.body)
				}
			}
			if !slices.Contains(instances, "socketserver/dev2") && strings.Contains(string(got.body), "/dev2") && !strings.Contains(asked, "dev2") {
				t.Errorf("%s learns of dev2 with %s: %.300s", name, asked, got.body)
			}
		}
		for _, instance := range instances {
			if !found[instance] {
				t.Errorf("%s does not read what is theirs of %s", name, instance)
			}
		}
		if got := ts.do(t, "GET", "/api/v1/count?q=", "", headers[name]...); !strings.Contains(string(got.body), fmt.Sprintf(`"count":%d,`, 10*len(instances))) {
			t.Errorf("%s counts %s, want 10 of each of %d instances", name, got.body, len(instances))
		}
		if got := ts.do(t, "GET", "/api/v1/histogram?from=1h", "", headers[name]...); got.status != 200 || totalOf(t, got) != 10*len(instances) {
			t.Errorf("%s has a histogram of %d, want %d", name, totalOf(t, got), 10*len(instances))
		}
	}
}

// totalOf adds up the numbers of a histogram.
func totalOf(t *testing.T, a answerOf) (total int) {
	t.Helper()
	var answer struct {
		Buckets []struct {
			Total int `json:"total"`
			Count int `json:"count"`
		}
		Total int
	}
	a.decode(t, &answer)
	for _, b := range answer.Buckets {
		total += b.Total + b.Count
	}
	return max(total, answer.Total)
}

func TestTeamThatReadsEverythingMovesOnlyWhatIsTheirs(t *testing.T) {
	ts := team(t, func(c *Config) { c.TeamReads = true })
	_, headers := callers(t, ts)
	for _, name := range []string{"dev2", "guest"} {
		if got := ts.do(t, "GET", "/api/v1/count?q=", "", headers[name]...); !strings.Contains(string(got.body), `"count":50,`) {
			t.Errorf("%s counts %s, want everything", name, got.body)
		}
		if got := ts.do(t, "POST", "/api/v1/instances/socketserver/dev1/actions/reload", "", headers[name]...); got.status != 403 {
			t.Errorf("%s reloads: %d %s, want 403", name, got.status, got.body)
		}
	}
	if got := ts.do(t, "GET", "/api/v1/count?q=", ""); got.status != 401 {
		t.Errorf("nobody counts: %d", got.status)
	}
}
