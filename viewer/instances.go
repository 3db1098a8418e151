package viewer

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/release"
	"github.com/tagtail/tagtail/index"
)

// kindUnknown is the kind of an instance that only its entries tell of.
const kindUnknown = "unknown"

// instanceView is an instance as the API shows it: what the deployer knows of
// its process and the store of its entries.
type instanceView struct {
	Instance string       `json:"instance"`
	Service  string       `json:"service"`
	Owner    string       `json:"owner"`
	Kind     string       `json:"kind"`
	State    deploy.State `json:"state"`
	PID      int          `json:"pid"`
	Started  time.Time    `json:"started,omitzero"`
	Port     int          `json:"port"`
	Detail   string       `json:"detail"`
	Entries  uint64       `json:"entries"`
	Bytes    uint64       `json:"bytes"`
	// Rate is in entries/s over the last minute.
	Rate float64 `json:"rate"`
	// Recent is how many entries came in each 5 s of that minute, oldest first.
	Recent    []uint64  `json:"recent,omitempty"`
	Last      time.Time `json:"last,omitzero"`
	LastError time.Time `json:"last_error,omitzero"`
	// Release is the one that is live, nil if none is.
	Release *release.Release `json:"release,omitempty"`
	Actions []actionView     `json:"actions"`
}

// actionView is an action that exists for an instance. Refused is the sentence
// that says why it is not possible now, empty if it is.
type actionView struct {
	Action  deploy.Action `json:"action"`
	Refused string        `json:"refused"`
}

// instances answers with every instance that p sees, and the listeners.
func (s *Server) instances(c echo.Context, p principal) error {
	views := map[string]*instanceView{index.Unassigned: newInstanceView(index.Unassigned)}
	for _, status := range s.controls.Status(c.Request().Context()) {
		views[status.Instance.Name] = statusView(status, p)
	}
	for _, stats := range s.cfg.Logs.Instances() {
		view := views[stats.Instance]
		if view == nil {
			view = newInstanceView(stats.Instance)
			views[stats.Instance] = view
		}
		view.Entries, view.Bytes = stats.Entries, stats.Bytes
		view.Last, view.LastError = stats.Last, stats.LastError
		view.Rate, view.Recent = s.rates.of(stats.Instance), s.rates.recent(stats.Instance)
	}
	seen := make([]*instanceView, 0, len(views))
	for name, view := range views {
		if p.scope().holds(name) {
			seen = append(seen, view)
		}
	}
	slices.SortFunc(seen, compareInstances)
	inputs := []InputStatus{}
	if p.maySeeInputs() {
		inputs = append(inputs, s.cfg.Inputs()...)
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Instances []*instanceView `json:"instances"`
		Inputs    []InputStatus   `json:"inputs"`
		Trouble   *troubleView    `json:"trouble,omitempty"`
	}{seen, inputs, newTroubleView(s.cfg.Logs.Trouble())})
}

// troubleView says that nothing new is kept. Why else than for a full disk, the
// server's own log tells.
type troubleView struct {
	Since    time.Time `json:"since"`
	DiskFull bool      `json:"disk_full"`
}

func newTroubleView(t index.Trouble) *troubleView {
	if t.Since.IsZero() {
		return nil
	}
	full := errors.Is(t.Err, syscall.ENOSPC) || errors.Is(t.Err, syscall.EDQUOT)
	return &troubleView{Since: t.Since.UTC(), DiskFull: full}
}

func newInstanceView(name string) *instanceView {
	service, owner := index.SplitInstance(name)
	return &instanceView{
		Instance: name, Service: service, Owner: owner,
		Kind: kindUnknown, State: deploy.Unknown, Actions: []actionView{},
	}
}

// statusView is what the deployer knows. Actions that p may not start are
// refused before they are asked for.
func statusView(status deploy.Status, p principal) *instanceView {
	instance := status.Instance
	view := newInstanceView(instance.Name)
	view.Kind, view.State, view.Detail = string(instance.Kind), status.State, status.Detail
	view.PID, view.Started, view.Port = status.PID, status.Started, instance.Port
	if status.Live.Number > 0 {
		view.Release = &status.Live
	}
	for _, action := range instance.Kind.Actions() {
		refused := status.Refused[action]
		if !p.mayAct(instance.Name) {
			refused = lookOnly
		}
		view.Actions = append(view.Actions, actionView{action, refused})
	}
	return view
}

// compareInstances sorts by service and owner, with Unassigned last.
func compareInstances(a, b *instanceView) int {
	if last := a.Instance == index.Unassigned; last != (b.Instance == index.Unassigned) {
		if last {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Instance, b.Instance))
}
