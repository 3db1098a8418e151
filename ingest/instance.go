package ingest

import (
	"fmt"
	"strings"
)

// Instance is a running copy of a service that may send messages, and what it
// is recognised by. Several instances may share a user, a certificate, a
// network or a token; their own words then choose among them.
type Instance struct {
	// Name is "service/owner".
	Name string
	// Tags are the APP-NAMEs it writes besides service_owner and
	// service-owner, such as "redis-6381". Each may also have "_access"
	// behind it.
	Tags []string
	// UIDs are the users whose processes are this instance.
	UIDs []int
	// Certs are the names that its TLS client certificates have, as a subject
	// alternative name, or as common name if there is none; or their
	// fingerprints, "sha256:" and 64 hexadecimal digits, which win over names.
	Certs []string
	// Addresses are those it sends from, such as "192.0.2.7" or
	// "192.0.2.0/24". The smallest network counts.
	Addresses []string
	// Tokens are secrets that its messages have in their structured data:
	// [tagtail@32473 key="TOKEN"].
	Tokens []Token
}

// wrong is an error that names the instance.
func (in *Instance) wrong(format string, args ...any) error {
	return fmt.Errorf("instance %q: "+format, append([]any{in.Name}, args...)...)
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

// isInstanceName tells whether name is service/owner.
func isInstanceName(name string) bool {
	service, owner, _ := strings.Cut(name, "/")
	return isSafeName(service) && isSafeName(owner)
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
