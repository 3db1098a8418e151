package static

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/static/browsertest"
)

// entry is the JSON of one log message, as the HTTP API has it.
type entry struct {
	Seq        uint64    `json:"seq"`
	Received   time.Time `json:"received"`
	Time       time.Time `json:"time,omitzero"`
	Facility   string    `json:"facility"`
	Severity   string    `json:"severity"`
	Instance   string    `json:"instance"`
	Service    string    `json:"service,omitempty"`
	Owner      string    `json:"owner,omitempty"`
	InstanceBy string    `json:"instance_by,omitempty"`
	Hostname   string    `json:"hostname,omitempty"`
	Source     string    `json:"source,omitempty"`
	AppName    string    `json:"app_name,omitempty"`
	ProcID     string    `json:"proc_id,omitempty"`
	MsgID      string    `json:"msg_id,omitempty"`
	Data       string    `json:"structured_data,omitempty"`
	Input      string    `json:"input,omitempty"`
	Format     string    `json:"format,omitempty"`
	Flags      []string  `json:"flags,omitempty"`
	Message    string    `json:"message"`
}

type term struct {
	Text  string `json:"text"`
	From  int    `json:"from"`
	To    int    `json:"to"`
	Kind  string `json:"kind"`
	Field string `json:"field,omitempty"`
	Not   bool   `json:"not,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

type action struct {
	Action  string `json:"action"`
	Refused string `json:"refused"`
}

type instance struct {
	Instance  string    `json:"instance"`
	Service   string    `json:"service"`
	Owner     string    `json:"owner"`
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	PID       int       `json:"pid,omitempty"`
	Started   time.Time `json:"started,omitzero"`
	Port      int       `json:"port,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	Entries   uint64    `json:"entries"`
	Bytes     uint64    `json:"bytes"`
	Rate      float64   `json:"rate"`
	Recent    []uint64  `json:"recent,omitempty"`
	Last      time.Time `json:"last,omitzero"`
	LastError time.Time `json:"last_error,omitzero"`
	Release   *rel      `json:"release,omitempty"`
	Actions   []action  `json:"actions"`
}

type job struct {
	ID       string    `json:"id"`
	Instance string    `json:"instance"`
	Action   string    `json:"action"`
	By       string    `json:"by"`
	State    string    `json:"state"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	Error    string    `json:"error,omitempty"`
	Output   []string  `json:"output"`
}

// server speaks the HTTP API over entries that a test puts in, so that what
// the page shows is known to the letter.
type server struct {
	*httptest.Server
	upgrader websocket.Upgrader

	mu        sync.Mutex
	entries   []entry
	instances []instance
	jobs      map[string]*job
	sockets   map[*websocket.Conn]bool
	changed   chan struct{} // closed and replaced at every change
	down      bool          // refuses every request
	me        string        // who is logged in; nobody's owner if empty
	lost      uint64        // what the UDP input says it has lost
	skip      [2]uint64     // a tail reports these Seqs as dropped
	views     []view
	stalled   chan struct{}  // if set, an export waits in its middle until it is closed
	csp       []string       // violations that the browser reported
	bytes     int            // of assets sent
	asked     []*url.URL     // of the API
	hold      chan struct{}  // counting waits until it is closed
	aborted   int            // questions that the browser gave up
	orders    []string       // that have been placed, with their bodies
	deploys   []deployMark   // that the histogram marks
	unkept    map[string]any // why nothing is kept
	ways      map[string]any // to log in, beside passwords; immutable once the page is open
	slowly    chan struct{}  // if set, a search that may end early waits for it and then looks at hurry entries
}

// hurry is how many entries a slow search looks at in one go.
const hurry = 100

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; report-uri /csp"

func newServer(t *testing.T) *server {
	s := &server{jobs: map[string]*job{}, sockets: map[*websocket.Conn]bool{}, changed: make(chan struct{}), ways: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page("index.html"))
	mux.HandleFunc("GET /login", s.page("login.html"))
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := fs.ReadFile(Files(), strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.URL.Path)))
		s.compressed(w, func(w http.ResponseWriter) { _, _ = w.Write(data) })
	})))
	mux.HandleFunc("POST /csp", s.violation)
	mux.HandleFunc("GET /api/v1/search", s.search)
	mux.HandleFunc("GET /api/v1/count", s.count)
	mux.HandleFunc("GET /api/v1/histogram", s.histogram)
	mux.HandleFunc("GET /api/v1/export", s.export)
	mux.HandleFunc("GET /api/v1/views", s.listViews)
	mux.HandleFunc("PUT /api/v1/views/{scope}/{name}", s.putView)
	mux.HandleFunc("DELETE /api/v1/views/{scope}/{name}", s.deleteView)
	mux.HandleFunc("GET /s/{name}", s.openView)
	mux.HandleFunc("GET /api/v1/shapes", s.shapes)
	mux.HandleFunc("GET /api/v1/fields", s.fields)
	mux.HandleFunc("GET /api/v1/context", s.context)
	mux.HandleFunc("GET /api/v1/facets", s.facets)
	mux.HandleFunc("GET /api/v1/entries/{seq}", s.entry)
	mux.HandleFunc("GET /api/v1/tail", s.tail)
	mux.HandleFunc("GET /api/v1/instances", s.listInstances)
	mux.HandleFunc("POST /api/v1/instances/{service}/{owner}/actions/{action}", s.act)
	mux.HandleFunc("GET /api/v1/jobs/{id}/output", s.jobOutput)
	s.handleReleases(mux)
	mux.HandleFunc("POST /api/v1/login", s.login)
	mux.HandleFunc("GET /api/v1/login", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.ways) })
	s.handleAccounts(mux)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.record(r)
		s.mu.Lock()
		down := s.down
		s.mu.Unlock()
		if down {
			problem(w, http.StatusServiceUnavailable, "The server is starting: try again in a moment.")
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.cut(true)
		s.Close()
	})
	return s
}

// compressed counts what an answer takes on the wire, where it is gzipped as
// every browser asks for.
func (s *server) compressed(w http.ResponseWriter, serve func(http.ResponseWriter)) {
	w.Header().Set("Content-Encoding", "gzip")
	zip := gzip.NewWriter(&countingWriter{ResponseWriter: w, server: s})
	serve(zipWriter{ResponseWriter: w, zip: zip})
	_ = zip.Close()
}

type zipWriter struct {
	http.ResponseWriter
	zip *gzip.Writer
}

func (w zipWriter) Write(p []byte) (int, error) { return w.zip.Write(p) }

type countingWriter struct {
	http.ResponseWriter
	server *server
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.server.mu.Lock()
	w.server.bytes += len(p)
	w.server.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

func (s *server) page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.compressed(w, func(w http.ResponseWriter) { http.ServeFileFS(w, r, Files(), name) })
	}
}

func (s *server) violation(_ http.ResponseWriter, r *http.Request) {
	var report json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&report)
	s.mu.Lock()
	s.csp = append(s.csp, string(report))
	s.mu.Unlock()
}

// add stores the entries, giving each its Seq, and wakes the tails.
func (s *server) add(entries ...entry) {
	s.change(func() {
		for _, e := range entries {
			e.Seq = uint64(len(s.entries) + 1)
			if service, owner, ok := strings.Cut(e.Instance, "/"); ok {
				e.Service, e.Owner = service, owner
			}
			s.entries = append(s.entries, e)
		}
	})
}

func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// cut ends every WebSocket, and with down set refuses new requests as well.
func (s *server) cut(down bool) {
	s.change(func() {
		s.down = down
		for conn := range s.sockets {
			_ = conn.Close()
		}
	})
}

// find returns the entries that q finds with after < Seq < before, oldest
// first. It knows words, -words, quotes, instance:a,b and severity>=err.
func (s *server) find(q string, after, before uint64) []entry {
	var found []entry
	for _, e := range s.entries {
		if e.Seq > after && (before == 0 || e.Seq < before) && matches(q, e) {
			found = append(found, e)
		}
	}
	return found
}

// entry answers with one entry and, if it is the traceback, with what the
// server reads in that.
func (s *server) entry(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.Atoi(r.PathValue("seq"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || seq < 1 || seq > len(s.entries) {
		problem(w, http.StatusNotFound, "There is no such entry.")
		return
	}
	said := map[string]any{"kind": "syslog"}
	if strings.Contains(s.entries[seq-1].Message, "stack traceback:") {
		said = map[string]any{
			"kind": "lua", "client": "10.0.4.17", "method": "GET", "path": "/gate?id=7 <b>", "status": 500, "took": 0.25, "file": "main.lua", "line": 12,
			"locations": []map[string]any{
				{"file": "main.lua", "line": 12}, {"file": "main.lua", "line": 12, "function": "handler"}, {"file": "/data/dev1/gate/lua/router.lua", "line": 88},
			},
		}
	}
	writeJSON(w, http.StatusOK, struct {
		entry
		Content map[string]any `json:"content"`
	}{s.entries[seq-1], said})
}

func matches(q string, e entry) bool {
	for _, term := range termsOf(q) {
		if term.Kind == "operator" {
			continue
		}
		word := strings.ToLower(strings.Trim(term.Text, `"`))
		var hit bool
		if names, ok := strings.CutPrefix(word, "instance:"); ok {
			hit = slices.Contains(strings.Split(names, ","), e.Instance)
		} else if strings.HasPrefix(word, "last:") {
			hit = true
		} else if hosts, ok := strings.CutPrefix(word, "host:="); ok {
			hit = slices.Contains(strings.Split(hosts, ","), e.Hostname)
		} else if tags, ok := strings.CutPrefix(word, "tag:="); ok {
			hit = slices.Contains(strings.Split(tags, ","), e.AppName)
		} else if word == "severity>=err" {
			hit = slices.Contains([]string{"emerg", "alert", "crit", "err"}, e.Severity)
		} else if severity, ok := strings.CutPrefix(word, "severity:"); ok {
			hit = slices.Contains(strings.Split(severity, ","), e.Severity)
		} else {
			hit = strings.Contains(strings.ToLower(e.Message), word)
		}
		if hit == term.Not {
			return false
		}
	}
	return true
}

// termsOf reads a text as the server does, as far as matches knows it.
func termsOf(q string) []term {
	terms := []term{}
	for at := 0; at < len(q); {
		if q[at] == ' ' {
			at++
			continue
		}
		end := endOfPart(q, at)
		text, not := strings.CutPrefix(q[at:end], "-")
		t := term{Text: text, From: at, To: end, Kind: "text", Not: not}
		for _, field := range []string{"instance", "severity", "tag", "pid", "path", "host", "last"} {
			if strings.HasPrefix(text, field+":") || strings.HasPrefix(text, field+">") {
				t.Kind, t.Field = "field", field
				if field == "last" {
					t.Kind = "time"
				}
			}
		}
		switch {
		case text == "OR" || text == "AND":
			t.Kind = "operator"
		case strings.HasPrefix(text, `"`):
			t.Kind = "phrase"
		case strings.HasPrefix(text, "level="):
			t.Hint = "did you mean severity:" + strings.TrimPrefix(text, "level=") + "?"
		}
		terms = append(terms, t)
		at = end
	}
	return terms
}

// endOfPart is where the part that begins at this offset ends: at a space
// outside quotes.
func endOfPart(q string, at int) int {
	quoted := false
	for ; at < len(q) && (quoted || q[at] != ' '); at++ {
		quoted = quoted != (q[at] == '"')
	}
	return at
}

func number(r *http.Request, name string) uint64 {
	n, _ := strconv.ParseUint(r.URL.Query().Get(name), 10, 64)
	return n
}

func (s *server) search(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	slowly := s.slowly
	s.mu.Unlock()
	if slowly != nil && r.URL.Query().Has("within_ms") {
		select {
		case <-slowly:
		case <-r.Context().Done():
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, before := r.URL.Query().Get("q"), number(r, "before")
	if cursor := number(r, "cursor"); cursor > 0 {
		before = cursor
	}
	least, reached := s.hurried(r, before)
	found := within(r, s.find(q, max(least, number(r, "after")), before))
	if r.URL.Query().Get("order") != "asc" {
		slices.Reverse(found)
	}
	answer := map[string]any{
		"entries": append([]entry{}, found...), "next": "", "terms": termsOf(q),
		"stats": map[string]int{"matched": len(found), "took_ms": 8},
	}
	if limit := int(number(r, "limit")); limit > 0 && len(found) > limit {
		answer["entries"], answer["next"] = found[:limit], fmt.Sprint(found[limit-1].Seq)
	} else if least > 0 {
		answer["next"], answer["reached"] = fmt.Sprint(least+1), reached
	}
	writeJSON(w, http.StatusOK, answer)
}

// hurried returns up to which Seq a search that may end early does not look, 0
// if it looks at all, and when that was received.
func (s *server) hurried(r *http.Request, before uint64) (least uint64, reached time.Time) {
	if before == 0 {
		before = uint64(len(s.entries) + 1)
	}
	if s.slowly == nil || !r.URL.Query().Has("within_ms") || before <= hurry+1 {
		return 0, reached
	}
	least = before - 1 - hurry
	return least, s.entries[least-1].Received
}

func (s *server) count(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]int{"count": len(within(r, s.find(r.URL.Query().Get("q"), 0, 0))), "took_ms": 8})
}

func (s *server) listInstances(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := map[string]any{
		"instances": append([]instance{}, s.instances...),
		"inputs":    []map[string]any{{"input": "udp://127.0.0.1:5514", "kernel_dropped": s.lost}, {"input": "tcp://127.0.0.1:5514"}},
	}
	if s.unkept != nil {
		answer["trouble"] = s.unkept
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Token, Name, Password string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Token != "good" && (in.Name != "dev1" || in.Password != " good ") {
		problem(w, http.StatusUnauthorized, "This token is not valid any more: restart tagtail serve to get a new link.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// open upgrades to a WebSocket; done is closed when the browser has gone.
func (s *server) open(w http.ResponseWriter, r *http.Request) (conn *websocket.Conn, done chan struct{}) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, nil
	}
	s.mu.Lock()
	s.sockets[conn] = true
	s.mu.Unlock()
	done = make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
	return conn, done
}

func (s *server) closeSocket(conn *websocket.Conn) {
	s.mu.Lock()
	delete(s.sockets, conn)
	s.mu.Unlock()
	_ = conn.Close()
}

func (s *server) tail(w http.ResponseWriter, r *http.Request) {
	conn, done := s.open(w, r)
	if conn == nil {
		return
	}
	defer s.closeSocket(conn)
	q, after, last := r.URL.Query().Get("q"), number(r, "after"), int(number(r, "last"))

	s.mu.Lock()
	status := map[string]any{"type": "status", "seq": len(s.entries), "terms": termsOf(q), "time": time.Now()}
	first := s.find(q, after, 0)
	if last > 0 && after == 0 && len(first) > last {
		first = first[len(first)-last:]
	}
	seq, changed := uint64(len(s.entries)), s.changed
	history := entriesFrame(first, seq)
	if least, reached := s.hurried(r, 0); least > 0 && last > 0 {
		history = entriesFrame(s.find(q, least, 0), seq)
		history["next"], history["reached"] = fmt.Sprint(least+1), reached
	}
	s.mu.Unlock()

	if conn.WriteJSON(status) != nil || conn.WriteJSON(history) != nil {
		return
	}
	for {
		select {
		case <-done:
			return
		case <-changed:
		}
		s.mu.Lock()
		frames := s.frames(q, seq)
		seq, changed = uint64(len(s.entries)), s.changed
		s.mu.Unlock()
		for _, frame := range frames {
			if conn.WriteJSON(frame) != nil {
				return
			}
		}
	}
}

// frames are what a tail that has read up to seq is sent now.
func (s *server) frames(q string, seq uint64) []any {
	var frames []any
	if from, to := s.skip[0], s.skip[1]; from > seq {
		frames = append(frames, entriesFrame(s.find(q, seq, from), from-1), map[string]any{
			"type": "dropped", "count": to - from + 1, "from_seq": from, "to_seq": to,
		})
		seq = to
	}
	if found := s.find(q, seq, 0); len(found) > 0 {
		frames = append(frames, entriesFrame(found, uint64(len(s.entries))))
	}
	return frames
}

func entriesFrame(entries []entry, seq uint64) map[string]any {
	if entries == nil {
		entries = []entry{}
	}
	return map[string]any{"type": "entries", "seq": seq, "entries": entries}
}

func (s *server) act(w http.ResponseWriter, r *http.Request) {
	j := &job{
		ID: fmt.Sprint(len(s.jobs) + 1), Instance: r.PathValue("service") + "/" + r.PathValue("owner"),
		Action: r.PathValue("action"), By: "dev1", State: "running", Started: time.Now(), Output: []string{},
	}
	s.change(func() { s.jobs[j.ID] = j })
	w.Header().Set("Location", "/api/v1/jobs/"+j.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusAccepted, j)
}

// await waits until a job with this id has been asked for.
func (s *server) await(t *testing.T, id string) {
	t.Helper()
	deadline := time.After(browsertest.Patience)
	for {
		s.mu.Lock()
		_, ok := s.jobs[id]
		changed := s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("nobody asked for job %s", id)
		}
	}
}

// finish ends a job after it has printed the lines.
func (s *server) finish(id, state, reason string, lines ...string) {
	s.change(func() {
		j := s.jobs[id]
		j.Output = append(j.Output, lines...)
		j.State, j.Error = state, reason
		if state != "running" {
			j.Finished = j.Started.Add(412 * time.Millisecond)
		}
	})
}

func (s *server) jobOutput(w http.ResponseWriter, r *http.Request) {
	conn, done := s.open(w, r)
	if conn == nil {
		return
	}
	defer s.closeSocket(conn)
	sent := 0
	for {
		s.mu.Lock()
		j, changed := *s.jobs[r.PathValue("id")], s.changed
		s.mu.Unlock()
		if lines := j.Output[sent:]; len(lines) > 0 {
			if conn.WriteJSON(map[string]any{"type": "output", "from": sent, "lines": lines}) != nil {
				return
			}
			sent = len(j.Output)
		}
		if j.State != "running" {
			_ = conn.WriteJSON(map[string]any{"type": "done", "job": j})
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			<-done
			return
		}
		select {
		case <-done:
			return
		case <-changed:
		}
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
}
