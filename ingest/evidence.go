package ingest

import (
	"net/netip"
	"strings"

	"github.com/tagtail/tagtail/index"
)

// Evidence is what is known of a message's sender besides the message itself:
// from the listener, the kernel, the address and the TLS handshake. The zero
// value is no evidence. An Evidence is the same for all messages of a
// connection or sender; it belongs to one goroutine, because Identify keeps in
// it what it concluded. It must not be changed after its first use.
type Evidence struct {
	// Instance is whom the listener is bound to, "" if to nobody. Allow are
	// the instances and owners that the listener accepts; nil is all. By
	// says what proves both: index.BySocket, index.ByPort or, where a token
	// was checked before the message was read, index.ByToken.
	Instance string
	Allow    []string
	By       index.InstanceBy

	// HasCreds tells that the kernel has said which process sent, PID, and
	// as which user, UID. PID is 0 for one in another pid namespace.
	HasCreds bool
	PID, UID int

	// Addr is the sender's address; the zero Addr is none.
	Addr netip.Addr

	// CertNames are the names of a verified client certificate, and
	// CertFingerprint is its SHA-256 in lower-case hexadecimal digits; "" if
	// there is none.
	CertNames       []string
	CertFingerprint string

	// TrustClaims tells that the listener trusts what relays say: with a
	// verified certificate that belongs to no instance, the message's own
	// words count as ByCert.
	TrustClaims bool

	verdict *verdict // nil before the first message
}

// newEvidence is what an input and a peer of it prove.
func newEvidence(spec *inputSpec, p *peer) *Evidence {
	ev := &Evidence{
		Instance:        spec.instance,
		Allow:           spec.allow,
		By:              index.ByPort,
		Addr:            p.addr,
		CertNames:       p.names,
		CertFingerprint: p.fingerprint,
		TrustClaims:     spec.trustClaims,
	}
	if spec.isLocal() {
		ev.By = index.BySocket
	}
	if p.local && p.pid != unknownPID {
		ev.HasCreds, ev.PID, ev.UID = true, int(p.pid), int(p.uid)
	}
	return ev
}

// identityOptions say who may send to an input of any scheme.
var identityOptions = []string{"instance", "allow", "trust"}

// setIdentity sets one of identityOptions.
func (s *inputSpec) setIdentity(name, value string) error {
	switch name {
	case "instance":
		if !isInstanceName(value) {
			return s.wrong("has instance=%q; write it as service/owner, such as socketserver/dev1", value)
		}
		s.instance = value
	case "allow":
		for one := range strings.SplitSeq(value, ",") {
			if !isSafeName(one) && !isInstanceName(one) {
				return s.wrong("has allow=%q; list owners and instances, such as dev1,redis/dev2", value)
			}
			s.allow = append(s.allow, one)
		}
	case "trust":
		return s.setSwitch(&s.trustClaims, name, value, [2]string{"claims", "off"})
	}
	return nil
}

// checkIdentity looks at the options together.
func (s *inputSpec) checkIdentity() error {
	switch {
	case s.instance != "" && (s.allow != nil || s.trustClaims):
		return s.wrong("is bound to an instance and has allow or trust too; leave those away, it takes no other's messages")
	case s.trustClaims && s.tls.ca == "":
		return s.wrong("has trust=claims but cannot know a relay by its certificate; use TLS, and add ca=FILE")
	}
	return nil
}
