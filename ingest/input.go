package ingest

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schemes of inputs.
const (
	schemeUDP      = "udp"
	schemeTCP      = "tcp"
	schemeTLS      = "tls"
	schemeRELP     = "relp"
	schemeUnixgram = "unixgram"
	schemeUnix     = "unix"
)

// schemes lists what each scheme's address is and which options it has.
var schemes = []struct {
	name    string
	example string
	options []string
}{
	{schemeUDP, "udp://127.0.0.1:5514", []string{"zone", "fixups", "split"}},
	{schemeTCP, "tcp://127.0.0.1:5514", []string{"zone", "fixups", "multiline", "engine"}},
	{schemeTLS, "tls://127.0.0.1:6514", []string{"zone", "fixups", "multiline", "cert", "key", "ca", "client"}},
	{schemeRELP, "relp://127.0.0.1:2514", []string{"zone", "fixups", "tls", "cert", "key", "ca", "client"}},
	{schemeUnixgram, "unixgram:///run/tagtail/log.sock", []string{"zone", "fixups", "split", "mode", "engine"}},
	{schemeUnix, "unix:///run/tagtail/stream.sock", []string{"zone", "fixups", "multiline", "mode"}},
}

// maxSocketPath is what fits into a sockaddr_un with its NUL.
const maxSocketPath = 107

// inputSpec is an input's URL, taken apart.
type inputSpec struct {
	text    string // as it was given
	scheme  string
	address string // host:port, or the path of the socket

	zone         *time.Location
	multiline    bool
	splitLinePRI bool
	luaFixups    bool
	mode         fs.FileMode
	goSyslog     bool // the engine is a go-syslog Server
	tls          tlsSpec

	instance    string   // that the input is bound to
	allow       []string // instances and owners that may send; nil is all
	trustClaims bool     // of relays with a certificate
}

// isLocal tells whether the senders are processes of this machine.
func (s *inputSpec) isLocal() bool { return s.scheme == schemeUnixgram || s.scheme == schemeUnix }

// parseInput reads a URL as Config.Inputs describes it.
func parseInput(text string) (inputSpec, error) {
	spec := inputSpec{text: text, zone: time.Local, mode: 0o666}
	u, err := url.Parse(text)
	if err != nil {
		return spec, spec.wrong("is no URL; write one such as %s", schemes[0].example)
	}
	spec.scheme = u.Scheme
	i := slices.IndexFunc(schemes, func(s struct {
		name    string
		example string
		options []string
	}) bool {
		return s.name == u.Scheme
	})
	if i < 0 {
		return spec, spec.wrong("has the unknown scheme %q; there are %s", u.Scheme, schemeNames())
	}
	if spec.isLocal() {
		err = spec.setPath(u, schemes[i].example)
	} else {
		err = spec.setHostPort(u, schemes[i].example)
	}
	if err != nil {
		return spec, err
	}
	if err := spec.setOptions(u.RawQuery, slices.Concat(schemes[i].options, identityOptions)); err != nil {
		return spec, err
	}
	if err := spec.checkIdentity(); err != nil {
		return spec, err
	}
	return spec, spec.checkTLS()
}

func schemeNames() string {
	names := make([]string, len(schemes))
	for i, s := range schemes {
		names[i] = s.name
	}
	return strings.Join(names, ", ")
}

// wrong is an error that names the input.
func (s *inputSpec) wrong(format string, args ...any) error {
	return fmt.Errorf("--syslog %q "+format, append([]any{s.text}, args...)...)
}

func (s *inputSpec) setPath(u *url.URL, example string) error {
	switch {
	case u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.Path == "/":
		return s.wrong("needs an absolute path behind three slashes, such as %s", example)
	case len(u.Path) > maxSocketPath:
		return s.wrong("has a path of %d bytes; a socket's path has at most %d: choose a shorter one", len(u.Path), maxSocketPath)
	}
	s.address = u.Path
	return nil
}

func (s *inputSpec) setHostPort(u *url.URL, example string) error {
	if u.Path != "" && u.Path != "/" || u.User != nil {
		return s.wrong("has more than a host and a port; write it like %s", example)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return s.wrong("has no port; write it like %s", example)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return s.wrong("has the port %q; a port is a number from 0 to 65535", port)
	}
	s.address = net.JoinHostPort(host, port)
	return nil
}

func (s *inputSpec) setOptions(query string, allowed []string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return s.wrong("has options that cannot be read; write them like ?%s=…", allowed[0])
	}
	for name, list := range values {
		if !slices.Contains(allowed, name) {
			return s.wrong("has the unknown option %q; %s has %s", name, s.scheme, strings.Join(allowed, ", "))
		}
		if len(list) > 1 {
			return s.wrong("has the option %q twice; give it once", name)
		}
		if err := s.setOption(name, list[0]); err != nil {
			return err
		}
	}
	return nil
}

func (s *inputSpec) setOption(name, value string) error {
	switch name {
	case "zone":
		zone, err := time.LoadLocation(value)
		if err != nil {
			return s.wrong("has the unknown zone %q; give a name such as Asia/Shanghai, UTC or Local", value)
		}
		s.zone = zone
	case "mode":
		mode, err := strconv.ParseUint(value, 8, 32)
		if err != nil || mode > 0o777 {
			return s.wrong("has the mode %q; give three octal digits, such as 0660", value)
		}
		s.mode = fs.FileMode(mode)
	case "multiline":
		return s.setSwitch(&s.multiline, name, value, [2]string{"on", "off"})
	case "split":
		return s.setSwitch(&s.splitLinePRI, name, value, [2]string{"lf-pri", "off"})
	case "fixups":
		return s.setSwitch(&s.luaFixups, name, value, [2]string{"lua", "off"})
	case "engine":
		return s.setSwitch(&s.goSyslog, name, value, [2]string{"go-syslog", "own"})
	case "instance", "allow", "trust":
		return s.setIdentity(name, value)
	case "tls":
		return s.setSwitch(&s.tls.on, name, value, [2]string{"on", "off"})
	case "cert":
		s.tls.cert = value
	case "key":
		s.tls.key = value
	case "ca":
		s.tls.ca = value
	case "client":
		s.tls.client = value
	}
	return nil
}

// setSwitch sets an option that has one word for on and one for off.
func (s *inputSpec) setSwitch(field *bool, name, value string, words [2]string) error {
	if value != words[0] && value != words[1] {
		return s.wrong("has %s=%q; it can be %s or %s", name, value, words[0], words[1])
	}
	*field = value == words[0]
	return nil
}

// name is the input's URL without options, with the address that was bound.
func (s *inputSpec) name(bound net.Addr) string {
	return s.scheme + "://" + bound.String()
}
