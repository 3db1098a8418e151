package static

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rel is the JSON of one release.
type rel struct {
	Number  int       `json:"number"`
	Kind    string    `json:"kind"`
	Repo    string    `json:"repo"`
	Ref     string    `json:"ref"`
	SHA     string    `json:"sha"`
	Subject string    `json:"subject"`
	By      string    `json:"by"`
	Via     string    `json:"via"`
	When    time.Time `json:"when"`
	TookMS  int       `json:"took_ms"`
	Files   int       `json:"files"`
	Bytes   int       `json:"bytes"`
	Result  string    `json:"result"`
	Error   string    `json:"error,omitempty"`
	Job     string    `json:"job"`
	Of      int       `json:"of,omitempty"`
	Live    bool      `json:"live"`
	Kept    bool      `json:"kept"`
	Refused string    `json:"refused"`
}

// released is what socketserver/dev1 has been: one of each kind and result.
func released() []rel {
	now := time.Now()
	one := func(number int, kind, sha, subject, result string, age time.Duration) rel {
		return rel{
			Number: number, Kind: kind, Repo: "socketserver", Ref: "dev1", SHA: strings.Repeat(sha, 8), Subject: subject, By: "dev1", Via: "push",
			When: now.Add(-age), TookMS: 812, Files: 37, Bytes: 217_000, Result: result, Job: "JOB" + strconv.Itoa(number), Kept: true,
		}
	}
	live := one(43, "deploy", "7ebbf", "UP: fix the login of guests", "succeeded", 5*time.Minute)
	live.Live = true
	config := one(42, "config", "0a1b2", "512 connections are enough", "succeeded", 2*time.Hour)
	config.By, config.Repo, config.Refused = "dev2", "serverctrl", "v42 is a configuration: it goes back by a commit to serverctrl"
	failed := one(41, "deploy", "c0ffe", "UP <b>bold</b> and very_long_words_without_any_place_to_break_them_in_two_halves_at_all", "failed", 26*time.Hour)
	failed.Error = "health GET /hhl: 500 Internal Server Error; v41 is left live, roll back if it has to go"
	back := one(40, "rollback", "5eed5", "UP", "succeeded", 50*time.Hour)
	back.Of, back.Via, back.Kept = 37, "web", false
	back.Refused = "the files of v40 are not kept any more; deploy its commit 5eed55e again"
	cut := one(39, "deploy", "5eed5", "UP", "abandoned", 51*time.Hour)
	cut.Error, cut.TookMS = "Tagtail ended before the release did", 0
	return []rel{live, config, failed, back, cut}
}

const someDiff = `diff main.lua main.lua
--- main.lua
+++ main.lua
@@ -10,3 +10,4 @@
 local session = require 'session'
-local user = session.user
+-- 访客没有会话 <script>
+local user = session and session.user
 ngx.say(user)
`

func (s *server) handleReleases(mux *http.ServeMux) {
	const of = "/api/v1/instances/{service}/{owner}/"
	mux.HandleFunc("GET "+of+"releases", func(w http.ResponseWriter, r *http.Request) {
		list := []rel{}
		if r.PathValue("service") == "socketserver" {
			list = released()
		}
		writeJSON(w, http.StatusOK, map[string]any{"releases": list, "orders": []map[string]string{
			{"order": "deploy", "refused": ""}, {"order": "rollback", "refused": ""},
			{"order": "apply", "refused": "no configuration can be applied: Tagtail has no folder of repositories; make one with tagtail init"},
		}})
	})
	mux.HandleFunc("GET "+of+"releases/{number}/diff", func(w http.ResponseWriter, r *http.Request) { s.previewed(w, r) })
	mux.HandleFunc("POST "+of+"preview/{order}", s.previewed)
	mux.HandleFunc("POST "+of+"{order}", s.ordered)
	mux.HandleFunc("GET /api/v1/jobs/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		j := s.jobs[r.PathValue("id")]
		if j == nil {
			problem(w, http.StatusNotFound, fmt.Sprintf("There is no job %q: old ones are forgotten, start the action again.", r.PathValue("id")))
			return
		}
		writeJSON(w, http.StatusOK, j)
	})
}

func (s *server) previewed(w http.ResponseWriter, r *http.Request) {
	var of struct{ Ref string }
	_ = json.NewDecoder(r.Body).Decode(&of)
	if of.Ref == "dev9" {
		problem(w, http.StatusConflict, `there is no branch "dev9"`)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"instance": "socketserver/dev1", "kind": "deploy", "sha": strings.Repeat("beef1", 8), "subject": "UP: guests again", "config": "", "code": someDiff,
		"added": []string{"guest.lua"}, "changed": []string{"main.lua"}, "removed": []string{}, "reload": true,
		"warnings": []string{"src/init.lua of init_by_lua_file is not among the files"},
	})
}

func (s *server) ordered(w http.ResponseWriter, r *http.Request) {
	var of json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&of)
	s.change(func() { s.orders = append(s.orders, r.PathValue("order")+" "+string(of)) })
	s.mu.Lock()
	id := fmt.Sprint(len(s.jobs) + 1)
	s.mu.Unlock()
	j := &job{
		ID: id, Instance: r.PathValue("service") + "/" + r.PathValue("owner"),
		Action: r.PathValue("order"), By: "dev1", State: "running", Started: time.Now(), Output: []string{},
	}
	s.change(func() { s.jobs[j.ID] = j })
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusAccepted, j)
}
