package ingest

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tagtail/tagtail/index"
)

// maxLearned bounds the instances that are named after tags as they appear.
const maxLearned = 1000

// Identifier says which instance an entry comes from: by the strongest
// evidence there is, and only where that leaves a choice by what the message
// says of itself. It may be used by several goroutines at once.
type Identifier struct {
	// immutable after NewIdentifier
	rules     []rule
	bound     []string // instances that inputs and rules name
	processes *processes
	salt      [16]byte // of tokens' digests

	mu    sync.Mutex // serialises changes of known
	known atomic.Pointer[known]
}

// NewIdentifier returns an Identifier of the instances, rules and bound inputs
// of cfg.
func NewIdentifier(cfg *Config) (*Identifier, error) {
	id := &Identifier{processes: newProcesses(cfg.ProcessInstance)}
	_, _ = rand.Read(id.salt[:]) // never fails: the program ends instead
	for i := range cfg.Rules {
		r, err := compileRule(cfg.Rules[i])
		if err != nil {
			return nil, err
		}
		id.rules = append(id.rules, r)
		if r.literal {
			id.bound = append(id.bound, r.template)
		}
	}
	for _, text := range cfg.Inputs {
		spec, err := parseInput(text)
		if err != nil {
			return nil, err
		}
		if spec.instance != "" {
			id.bound = append(id.bound, spec.instance)
		}
	}
	return id, id.SetInstances(cfg.Instances)
}

// SetInstances replaces the known instances. If one of them is wrong, nothing
// changes.
func (id *Identifier) SetInstances(instances []Instance) error {
	k, err := newKnown(id, instances)
	if err != nil {
		return err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	id.known.Store(k)
	return nil
}

// Identify sets Instance and InstanceBy of e, and FlagContradicts where the
// message, or weaker evidence, names another instance than the strongest
// evidence does. It cuts tokens out of e. It allocates nothing for a sender
// and a tag that it has seen before.
func (id *Identifier) Identify(e *index.Entry, ev *Evidence) { id.identify(e, ev, "") }

// identify is Identify for a message that a rule has tagged, if tag is not "".
func (id *Identifier) identify(e *index.Entry, ev *Evidence, tag string) {
	k := id.known.Load()
	v := ev.verdict
	if v == nil || v.known != k || v.expired(e.Received) {
		v = id.judge(k, ev, e.Received)
		ev.verdict = v
	}
	token := k.takeToken(e)
	e.Instance, e.InstanceBy = v.instance, v.by
	if v.contradicts {
		e.Flags |= index.FlagContradicts
	}
	if v.instance == "" {
		id.choose(e, v, token, tag)
	} else if claim := k.tagged(v.claim(e.AppName), e.AppName, tag); k.differs(claim, v.instance) || token != nil && !slices.Contains(token, v.instance) {
		e.Flags |= index.FlagContradicts
	}
}

// choose identifies e by its own words, among the instances that v leaves: by
// its token, then by its tag, or by that which a rule has given it.
func (id *Identifier) choose(e *index.Entry, v *verdict, token []string, tag string) {
	e.Instance, e.InstanceBy = index.Unassigned, index.ByNothing
	claim := id.claim(e, v, tag)
	if claim != "" && !v.allows(claim) {
		e.Flags |= index.FlagContradicts
		claim = ""
	}
	if v.claimBy > index.ByToken && claim != "" { // a relay's word
		e.Instance, e.InstanceBy = claim, v.claimBy
		if token != nil && !slices.Contains(token, claim) {
			e.Flags |= index.FlagContradicts
		}
		return
	}
	name, n := v.among(token)
	switch {
	case token != nil && n == 0:
		e.Flags |= index.FlagContradicts
	case n == 1:
		e.Instance, e.InstanceBy = name, index.ByToken
		if v.known.differs(claim, name) {
			e.Flags |= index.FlagContradicts
		}
		return
	case n > 1 && claim != "" && !slices.Contains(token, claim):
		e.Flags |= index.FlagContradicts
		return
	}
	if claim != "" {
		e.Instance, e.InstanceBy = claim, v.claimBy
	}
}

// claim returns the instance that e says it is from, or "". While no instances
// are known it may be a new one.
func (id *Identifier) claim(e *index.Entry, v *verdict, tag string) string {
	if name := v.known.tagged(v.claim(e.AppName), e.AppName, tag); name != "" {
		if tag != "" && v.known.learning && !id.admit(name) {
			return "" // there are as many as may be
		}
		return name
	}
	if v.local {
		if name := id.processes.ofText(e); name != "" {
			return name
		}
	}
	if !v.known.learning || e.AppName == "" {
		return ""
	}
	return id.learn(e.AppName, v)
}

// learn names a new instance after its tag, if v allows it.
func (id *Identifier) learn(tag string, v *verdict) string {
	bare := trimPurpose(tag)
	service, owner := splitTag(bare)
	if !isSafeName(service) || !isSafeName(owner) || !v.allowsNew(service, owner) {
		return ""
	}
	if len(v.known.learned) >= maxLearned {
		return ""
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	k := id.known.Load()
	if name, ok := k.byTag[bare]; ok || !k.learning || len(k.learned) >= maxLearned {
		return name
	}
	name := service + "/" + owner // a copy: the tag is part of an arena
	next := *k
	next.byTag, next.learned = maps.Clone(k.byTag), maps.Clone(k.learned)
	next.byTag[strings.Clone(bare)] = name
	next.learned[name] = true
	id.known.Store(&next)
	return name
}
