package ingest

import (
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
)

// verdict is what the evidence says of a sender: one instance, or a choice.
// Like the Evidence that keeps it, it belongs to one goroutine.
type verdict struct {
	known *known    // the instances it was made from
	until time.Time // it holds until then; zero is for ever

	// instance is decided by the evidence, and by says by which: the weakest
	// that was needed. If "", candidates are left (nil is all), and of them
	// those that the listener allows (nil is all).
	instance   string
	by         index.InstanceBy
	candidates []string
	allow      []string

	claimBy     index.InstanceBy // what the message's own words count as
	local       bool             // the sender runs on this machine
	contradicts bool             // weaker evidence names another instance

	// A sender writes a tag or two, all the time.
	claims [2]claim
	newest int // of claims
}

// claim remembers what a tag names. The tag is copied: that of an entry would
// keep the arena that it is part of.
type claim struct {
	tag      [48]byte
	n        int // bytes of tag; 0 is no claim
	instance string
}

// claim returns the instance that a tag names, or "".
func (v *verdict) claim(tag string) string {
	if tag == "" {
		return ""
	}
	for i := range v.claims {
		if c := &v.claims[i]; string(c.tag[:c.n]) == tag {
			return c.instance
		}
	}
	instance := v.known.claim(tag)
	if len(tag) <= len(claim{}.tag) {
		v.newest = (v.newest + 1) % len(v.claims)
		c := &v.claims[v.newest]
		c.n, c.instance = copy(c.tag[:], tag), instance
	}
	return instance
}

func (v *verdict) expired(now time.Time) bool {
	return !v.until.IsZero() && !now.Before(v.until)
}

// judge climbs down the ladder of evidence, from the strongest.
func (id *Identifier) judge(k *known, ev *Evidence, now time.Time) *verdict {
	v := &verdict{known: k, claimBy: index.ByContent}
	v.local = ev.HasCreds || ev.By == index.BySocket || ev.Addr.IsLoopback()
	if ev.By == index.BySocket {
		v.bind(ev)
	}
	if ev.HasCreds {
		v.narrow(id.ofCreds(k, ev, v, now), index.ByCreds)
	}
	certified := k.ofCert(ev)
	v.narrow(certified, index.ByCert)
	relay := ev.TrustClaims && ev.CertFingerprint != "" && certified == nil
	if relay && v.instance == "" {
		v.claimBy = index.ByCert
	}
	if ev.By == index.ByPort {
		v.bind(ev)
	}
	if !relay { // whose address says nothing of those it speaks for
		v.narrow(k.ofAddr(ev.Addr), index.ByAddress)
	}
	if ev.By == index.ByToken {
		v.bind(ev)
	}
	return v
}

// bind takes what the listener is configured to.
func (v *verdict) bind(ev *Evidence) {
	if ev.Instance != "" {
		v.narrow([]string{ev.Instance}, ev.By)
	}
	if ev.Allow == nil {
		return
	}
	stronger := v.candidates
	if v.instance != "" {
		stronger = []string{v.instance}
	}
	v.allow = ev.Allow
	left := v.keep(stronger)
	switch {
	case stronger == nil:
	case len(left) == 0: // the stronger evidence wins
		v.allow, v.contradicts = nil, true
	default:
		v.narrow(left, ev.By)
	}
}

// narrow leaves only those of the instances that evidence weaker than all
// before it names; nil names none.
func (v *verdict) narrow(names []string, by index.InstanceBy) {
	switch {
	case names == nil:
	case v.instance != "":
		v.contradicts = v.contradicts || !slices.Contains(names, v.instance)
	default:
		left := v.keep(names)
		switch len(left) {
		case 0:
			v.contradicts = true
		case 1:
			v.instance, v.by = left[0], by
		default:
			v.candidates = left
		}
	}
}

// keep returns those of names that are allowed and still candidates. It is
// never nil.
func (v *verdict) keep(names []string) []string {
	left := make([]string, 0, len(names))
	for _, name := range names {
		if v.allows(name) {
			left = append(left, name)
		}
	}
	return left
}

// allows tells whether the evidence leaves name to choose.
func (v *verdict) allows(name string) bool {
	return v.allowed(name) && (v.candidates == nil || slices.Contains(v.candidates, name))
}

// allowed tells whether the listener accepts name.
func (v *verdict) allowed(name string) bool {
	if v.allow == nil {
		return true
	}
	service, owner := index.SplitInstance(name)
	return allowedBy(v.allow, service, owner)
}

// allowsNew is allows for an instance that has no name yet.
func (v *verdict) allowsNew(service, owner string) bool {
	return v.candidates == nil && (v.allow == nil || allowedBy(v.allow, service, owner))
}

// among counts the instances of names that are left to choose, and returns the
// first.
func (v *verdict) among(names []string) (first string, n int) {
	for _, name := range names {
		if !v.allows(name) {
			continue
		}
		if n == 0 {
			first = name
		}
		n++
	}
	return first, n
}

// allowedBy tells whether list has the owner, or the instance service/owner.
func allowedBy(list []string, service, owner string) bool {
	for _, one := range list {
		if one == owner {
			return true
		}
		if s, o, ok := strings.Cut(one, "/"); ok && s == service && o == owner {
			return true
		}
	}
	return false
}

// ofCreds returns the instances of the sending process or, where it is not
// known, of its user. The process counts only if it may be the user's: its
// number may have been given to another by now.
func (id *Identifier) ofCreds(k *known, ev *Evidence, v *verdict, now time.Time) []string {
	ofUser := k.byUID[ev.UID]
	if ev.PID <= 0 || id.processes.lookup == nil {
		return ofUser
	}
	name, until := id.processes.of(ev.PID, now)
	v.until = until
	if name == "" || ofUser != nil && !slices.Contains(ofUser, name) {
		return ofUser
	}
	return []string{name}
}
