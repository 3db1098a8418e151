package static

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"
)

// handleAccounts has one account more than the one who asks, and takes no changes
// but a new token.
func (s *server) handleAccounts(mux *http.ServeMux) {
	hoursAgo := func(n int) string { return time.Now().Add(-time.Duration(n) * time.Hour).UTC().Format(time.RFC3339) }
	name := func() string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return cmp.Or(s.me, "admin")
	}
	type object = map[string]any
	mux.HandleFunc("GET /api/v1/me", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{
			"name": name(), "role": "admin", "has_account": true, "has_password": true, "scopes": []string{"read", "control", "push", "ingest"}, "everything": true,
			"version": "1.0.0", "zone": "Asia/Tokyo",
		})
	})
	mux.HandleFunc("GET /api/v1/sessions", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{"sessions": []object{
			{"id": "a1", "person": name(), "began": hoursAgo(30), "used": hoursAgo(0), "from": "127.0.0.1", "agent": "Chrome/140 Linux", "current": true},
			{"id": "a2", "person": name(), "began": hoursAgo(90), "used": hoursAgo(3), "from": "192.0.2.7", "agent": "Firefox/140 Windows", "current": false},
			{"id": "a3", "person": "somebody", "began": hoursAgo(9), "used": hoursAgo(9), "from": "192.0.2.8", "agent": "curl/8", "current": false},
		}})
	})
	mux.HandleFunc("GET /api/v1/tokens", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{"tokens": []object{
			{"id": "b1", "owner": name(), "scopes": []string{"push"}, "label": "laptop", "created": hoursAgo(900), "last_used": hoursAgo(5)},
			{"id": "b2", "owner": name(), "scopes": []string{"read", "control", "ingest"}, "label": "", "created": hoursAgo(2)},
		}})
	})
	mux.HandleFunc("POST /api/v1/tokens", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Scopes []string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Scopes) == 0 {
			problem(w, http.StatusBadRequest, "No token is made: this cannot be a token: it needs one or more of the scopes read, control, push, ingest.")
			return
		}
		writeJSON(w, http.StatusCreated, object{"secret": "tagtail_tbBFX3YBIWcPPokwLapQyJpnTEKJHF2NvtkijD9RqkA"})
	})
	mux.HandleFunc("GET /api/v1/people", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{"people": []object{
			{"name": "carol", "role": "viewer", "disabled": false, "has_password": false, "grants": []object{{"instance": "redis/dev1", "control": false}, {"instance": "socketserver/dev2", "control": true}}},
			{"name": "dave", "role": "developer", "disabled": true, "has_password": true, "grants": []object{}},
			{"name": name(), "role": "admin", "disabled": false, "has_password": true, "grants": []object{}},
		}})
	})
}
