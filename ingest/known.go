package ingest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// known are the instances and what each is recognised by. It is never
// changed, only replaced.
type known struct {
	// names are the instances that the configuration names; learned those
	// that tags have named.
	names, learned map[string]bool
	// byTag maps APP-NAMEs to instances; "" is one that stands for none.
	byTag map[string]string
	// byOwner are the names of each owner.
	byOwner map[string][]string
	// learning tells that no instances were given: tags may name new ones.
	learning bool
	rules    *ruleBook

	// Instances in each list are sorted; several may share a proof.
	byUID  map[int][]string
	byCert map[string][]string // by name and fingerprint, in lower case
	byAddr map[netip.Prefix][]string
	bits   []int // the lengths of byAddr's prefixes, the longest first
	tokens *tokenBook
}

func newKnown(id *Identifier, instances []Instance) (*known, error) {
	k := &known{
		names:    map[string]bool{},
		learned:  map[string]bool{},
		byTag:    map[string]string{},
		byOwner:  map[string][]string{},
		learning: len(instances) == 0,
		byUID:    map[int][]string{},
		byCert:   map[string][]string{},
		byAddr:   map[netip.Prefix][]string{},
		tokens:   newTokenBook(id.salt),
	}
	for i := range instances {
		if err := k.add(&instances[i]); err != nil {
			return nil, err
		}
	}
	for _, name := range id.bound {
		k.addName(name)
	}
	// Only now, because a tag that was given wins over one that follows.
	for i := range instances {
		if err := k.addTags(&instances[i]); err != nil {
			return nil, err
		}
	}
	k.rules = newRuleBook(id.rules)
	for name := range k.names {
		_, owner, _ := strings.Cut(name, "/")
		k.byOwner[owner] = append(k.byOwner[owner], name)
	}
	k.sort()
	return k, nil
}

// add takes everything but the tags of an instance.
func (k *known) add(in *Instance) error {
	if !isInstanceName(in.Name) {
		return in.wrong("write it as service/owner, each of up to 64 letters, digits, '.', '_' and '-' that start with a letter or digit")
	}
	k.addName(in.Name)
	for _, uid := range in.UIDs {
		if uid < 0 {
			return in.wrong("the user id %d is negative; give the number that id -u shows", uid)
		}
		k.byUID[uid] = append(k.byUID[uid], in.Name)
	}
	for _, text := range in.Addresses {
		prefix, err := parsePrefix(text)
		if err != nil {
			return in.wrong("the address %q is none; give one such as 192.0.2.7 or 192.0.2.0/24", text)
		}
		k.byAddr[prefix] = append(k.byAddr[prefix], in.Name)
	}
	for _, text := range in.Certs {
		name, err := certKey(text)
		if err != nil {
			return in.wrong("%w", err)
		}
		k.byCert[name] = append(k.byCert[name], in.Name)
	}
	for _, token := range in.Tokens {
		if err := token.validate(); err != nil {
			return in.wrong("%w", err)
		}
		k.tokens.add(token, in.Name)
	}
	return nil
}

// addName adds an instance and the tags that follow from its name. A tag that
// follows from two, as "a-b-c" from a-b/c and a/b-c, stands for neither.
func (k *known) addName(name string) {
	k.names[name] = true
	service, owner, _ := strings.Cut(name, "/")
	for _, tag := range [...]string{service + "_" + owner, service + "-" + owner} {
		if other, ok := k.byTag[tag]; ok && other != name {
			k.byTag[tag] = ""
			continue
		}
		k.byTag[tag] = name
	}
}

// addTags adds the tags that were given.
func (k *known) addTags(in *Instance) error {
	for _, tag := range in.Tags {
		if other := k.byTag[tag]; other != "" && other != in.Name {
			return in.wrong("the tag %q belongs to %q already; give each tag to one instance", tag, other)
		}
		k.byTag[tag] = in.Name
	}
	return nil
}

func (k *known) sort() {
	lists := slices.Concat(slices.Collect(maps.Values(k.byUID)), slices.Collect(maps.Values(k.byCert)), slices.Collect(maps.Values(k.byAddr)))
	for _, list := range lists {
		slices.Sort(list)
	}
	for prefix := range k.byAddr {
		k.bits = append(k.bits, prefix.Bits())
	}
	slices.Sort(k.bits)
	slices.Reverse(k.bits)
	k.bits = slices.Compact(k.bits)
}

// claim returns the instance that a tag names, or "".
func (k *known) claim(tag string) string {
	if tag == "" {
		return ""
	}
	if name, ok := k.byTag[tag]; ok {
		return name
	}
	if name, ok := k.byTag[trimPurpose(tag)]; ok {
		return name
	}
	name := k.rules.claim(tag)
	if name != "" && !k.learning && !k.names[name] {
		return "" // a sender cannot name instances where all are known
	}
	return name
}

// tagged is what a message claims that a rule has given a tag: its own tag wins
// if that is an instance's. The rule's is an instance, or an owner, whose
// service the message's own tag then is.
func (k *known) tagged(claim, app, tag string) string {
	if tag == "" || k.names[claim] {
		return claim
	}
	if strings.Contains(tag, "/") {
		return tag
	}
	only, count := "", 0
	for _, name := range k.byOwner[tag] {
		if name[:len(name)-len(tag)-1] == app {
			return name
		}
		only = name
		count++
	}
	switch {
	case count == 1:
		return only
	case k.learning && isSafeName(app):
		return app + "/" + tag
	}
	return claim
}

// differs tells whether a claim names another instance. One that only tags
// have named is no claim: "git-server" may be just a program's name.
func (k *known) differs(claim, instance string) bool {
	return claim != "" && claim != instance && k.names[claim]
}

// ofCert returns the instances that a certificate belongs to.
func (k *known) ofCert(ev *Evidence) []string {
	if len(k.byCert) == 0 || ev.CertFingerprint == "" {
		return nil
	}
	// A fingerprint says more than a name that several certificates may have.
	if list := k.byCert[ev.CertFingerprint]; list != nil {
		return list
	}
	var all []string
	for _, name := range ev.CertNames {
		all = append(all, k.byCert[strings.ToLower(name)]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ofAddr returns the instances of the smallest network that addr is in.
func (k *known) ofAddr(addr netip.Addr) []string {
	addr = addr.Unmap().WithZone("")
	for _, bits := range k.bits {
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue // longer than an address of its family
		}
		if list := k.byAddr[prefix]; list != nil {
			return list
		}
	}
	return nil
}

// parsePrefix reads an address or a network.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

// fingerprintMark begins a certificate's fingerprint in Instance.Certs.
const fingerprintMark = "sha256:"

// certKey is the form of a name or fingerprint that is compared.
func certKey(text string) (string, error) {
	key := strings.ToLower(text)
	digits, ok := strings.CutPrefix(key, fingerprintMark)
	if !ok {
		if key == "" {
			return "", fmt.Errorf("a certificate's name is empty; give a name such as dev1.example.org, or %sHEX", fingerprintMark)
		}
		return key, nil
	}
	digits = strings.ReplaceAll(digits, ":", "")
	if len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("the fingerprint %q is none; give %s and 64 hexadecimal digits, as openssl x509 -fingerprint -sha256 shows", text, fingerprintMark)
	}
	return digits, nil
}
