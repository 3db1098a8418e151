package ingest

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tagtail/tagtail/index"
)

// maxLearned bounds the instances that are named after tags as they appear.
const maxLearned = 1000

// Instance is a running copy of a service that may send messages.
type Instance struct {
	// Name is "service/owner".
	Name string
	// Tags are the APP-NAMEs it writes besides service_owner and
	// service-owner, such as "redis-6381". Each may also have "_access"
	// behind it.
	Tags []string
}

// Identifier gives entries their instance by what they say. It may be used by
// several goroutines at once.
type Identifier struct {
	mu    sync.Mutex // serialises changes of known
	known atomic.Pointer[knownTags]
}

// knownTags maps APP-NAMEs to instances. It is never changed, only replaced.
type knownTags struct {
	byTag map[string]string
	// learning tells that no instances were given: tags may name new ones.
	learning bool
	learned  map[string]bool // the instances named so far
}

// NewIdentifier returns an Identifier of the given instances.
func NewIdentifier(instances []Instance) (*Identifier, error) {
	id := new(Identifier)
	return id, id.SetInstances(instances)
}

// SetInstances replaces the known instances. If one of them is wrong, nothing
// changes.
func (id *Identifier) SetInstances(instances []Instance) error {
	known := &knownTags{byTag: map[string]string{}, learning: len(instances) == 0, learned: map[string]bool{}}
	if err := known.addNames(instances); err != nil {
		return err
	}
	if err := known.addTags(instances); err != nil {
		return err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	id.known.Store(known)
	return nil
}

// addNames adds the tags that follow from the names. A tag that follows from
// two, as "a-b-c" from a-b/c and a/b-c, stands for neither.
func (k *knownTags) addNames(instances []Instance) error {
	for _, in := range instances {
		service, owner, _ := strings.Cut(in.Name, "/")
		if !isSafeName(service) || !isSafeName(owner) {
			return fmt.Errorf("instance %q: write it as service/owner, each of up to 64 letters, digits, '.', '_' and '-' that start with a letter or digit", in.Name)
		}
		for _, tag := range [...]string{service + "_" + owner, service + "-" + owner} {
			if other, ok := k.byTag[tag]; ok && other != in.Name {
				k.byTag[tag] = ""
				continue
			}
			k.byTag[tag] = in.Name
		}
	}
	return nil
}

// addTags adds the tags that were given.
func (k *knownTags) addTags(instances []Instance) error {
	for _, in := range instances {
		for _, tag := range in.Tags {
			if other := k.byTag[tag]; other != "" && other != in.Name {
				return fmt.Errorf("instance %q: the tag %q belongs to %q already; give each tag to one instance", in.Name, tag, other)
			}
			k.byTag[tag] = in.Name
		}
	}
	return nil
}

// Identify sets Instance and InstanceBy of e by its AppName. It allocates only
// for an instance that it has not seen before.
func (id *Identifier) Identify(e *index.Entry) {
	e.Instance, e.InstanceBy = index.Unassigned, index.ByNothing
	if e.AppName == "" {
		return
	}
	if name := id.lookup(e.AppName); name != "" {
		e.Instance, e.InstanceBy = name, index.ByContent
	}
}

// lookup returns the instance that tag names, or "".
func (id *Identifier) lookup(tag string) string {
	known := id.known.Load()
	if name, ok := known.byTag[tag]; ok {
		return name
	}
	bare := trimPurpose(tag)
	if name, ok := known.byTag[bare]; ok {
		return name
	}
	if !known.learning || len(known.learned) >= maxLearned {
		return ""
	}
	service, owner := splitTag(bare)
	if !isSafeName(service) || !isSafeName(owner) {
		return ""
	}
	return id.learn(bare, service, owner)
}

// learn names a new instance after its tag.
func (id *Identifier) learn(tag, service, owner string) string {
	id.mu.Lock()
	defer id.mu.Unlock()
	known := id.known.Load()
	if name, ok := known.byTag[tag]; ok || !known.learning || len(known.learned) >= maxLearned {
		return name
	}
	name := service + "/" + owner
	next := &knownTags{byTag: maps.Clone(known.byTag), learning: true, learned: maps.Clone(known.learned)}
	// The tag is part of an arena, which a map key would keep.
	next.byTag[strings.Clone(tag)] = name
	next.learned[name] = true
	id.known.Store(next)
	return name
}

// trimPurpose cuts off what says which of an instance's logs it is: nginx
// needs a tag for the access log that differs from the error log's.
func trimPurpose(tag string) string {
	for _, purpose := range [...]string{"_access", "-access", "_error", "-error"} {
		if bare, ok := strings.CutSuffix(tag, purpose); ok {
			return bare
		}
	}
	return tag
}

// splitTag splits "service_owner" or "service-owner" at its last separator.
func splitTag(tag string) (service, owner string) {
	i := strings.LastIndexAny(tag, "_-")
	if i < 0 {
		return "", ""
	}
	return tag[:i], tag[i+1:]
}

// isSafeName tells whether name can be part of an instance's name, which ends
// up in URLs and file names: ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$.
func isSafeName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}
