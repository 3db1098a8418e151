package ingest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

const (
	tokenOne   = "0123456789abcdef-one"
	tokenTwo   = "0123456789abcdef-two"
	tokenOwner = "0123456789abcdef-all"
)

var fingerprint = strings.Repeat("ab", 32)

// processOf is a ProcessInstance.
func processOf(pid int) (string, bool) {
	name, ok := map[int]string{100: "s/pid", 200: "two/dev1", 300: "not a name", 400: "two/dev2"}[pid]
	return name, ok
}

// ladder knows an instance for each rung, and some that share proofs.
func ladder(t testing.TB) *Identifier {
	t.Helper()
	id, err := NewIdentifier(&Config{
		Instances: []Instance{
			{Name: "s/socket"}, {Name: "s/port"}, {Name: "s/pid"}, {Name: "s/content"},
			{Name: "s/uid", UIDs: []int{2001}},
			{Name: "s/cert", Certs: []string{"Cert.Example.Org"}},
			{Name: "s/print", Certs: []string{"SHA256:" + strings.Repeat("AB:", 31) + "AB"}},
			{Name: "s/address", Addresses: []string{"192.0.2.7"}},
			{Name: "s/network", Addresses: []string{"192.0.2.0/24", "2001:db8::/32"}},
			{Name: "s/token", Tokens: []Token{tokenOne}},
			{Name: "one/dev1", UIDs: []int{3001}, Certs: []string{"dev1"}, Addresses: []string{"198.51.100.0/24"}, Tokens: []Token{tokenOwner}},
			{Name: "two/dev1", UIDs: []int{3001}, Certs: []string{"dev1"}, Addresses: []string{"198.51.100.0/24"}, Tokens: []Token{tokenOwner, tokenTwo}},
			{Name: "two/dev2", UIDs: []int{3002}},
		},
		Rules:           []Rule{{Pattern: `^hhl-(\w+)-server$`, Instance: "s/$1"}, {Pattern: "^hhl-", Instance: "two/dev2"}},
		ProcessInstance: processOf,
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// given is a message's evidence and content.
type given struct {
	ev Evidence
	e  index.Entry
}

func (g *given) identify(id *Identifier) string {
	e := g.e
	e.Received = time.Unix(1e9, 0)
	ev := g.ev
	id.Identify(&e, &ev)
	text := fmt.Sprintf("%s by %s", e.Instance, e.InstanceBy)
	if e.Flags.Has(index.FlagContradicts) {
		text += ", contradicts"
	}
	return text
}

func sdToken(token string) string { return `[tagtail@32473 key="` + token + `"]` }

// rungs is every kind of evidence, from the strongest.
var rungs = []struct {
	name, want string
	add        func(*given)
}{
	{"socket", "s/socket by socket", func(g *given) { g.ev.Instance, g.ev.By = "s/socket", index.BySocket }},
	{"pid", "s/pid by creds", func(g *given) { g.ev.HasCreds, g.ev.PID = true, 100 }},
	{"uid", "s/uid by creds", func(g *given) { g.ev.HasCreds, g.ev.UID = true, 2001 }},
	{"fingerprint", "s/print by cert", func(g *given) { g.ev.CertFingerprint = fingerprint }},
	{"cert", "s/cert by cert", func(g *given) {
		g.ev.CertNames = []string{"other", "cert.example.org"}
		if g.ev.CertFingerprint == "" {
			g.ev.CertFingerprint = "00"
		}
	}},
	{"port", "s/port by port", func(g *given) {
		if g.ev.By != index.BySocket { // an input is one or the other
			g.ev.Instance, g.ev.By = "s/port", index.ByPort
		}
	}},
	{"address", "s/address by address", func(g *given) { g.ev.Addr = netip.MustParseAddr("192.0.2.7") }},
	{"token", "s/token by token", func(g *given) { g.e.StructuredData = sdToken(tokenOne) }},
	{"content", "s/content by content", func(g *given) { g.e.AppName = "s_content_access" }},
}

func TestEveryRungAloneIdentifies(t *testing.T) {
	id := ladder(t)
	for _, rung := range rungs {
		var g given
		rung.add(&g)
		if got := g.identify(id); got != rung.want {
			t.Errorf("%s: got %s, want %s", rung.name, got, rung.want)
		}
	}
}

func TestOfEveryTwoRungsTheStrongerWinsAndTheContradictionIsFlagged(t *testing.T) {
	id := ladder(t)
	for i, strong := range rungs {
		for _, weak := range rungs[i+1:] {
			var g given
			strong.add(&g)
			before := g
			weak.add(&g)
			want := strong.want + ", contradicts"
			switch {
			case strong.name == "socket" && weak.name == "port": // nothing was added
				want = strong.want
			case strong.name == "fingerprint" && weak.name == "cert": // of one certificate
				want = strong.want
			case strong.name == "pid" && weak.name == "uid": // the number was given to another process
				want = weak.want
			case cmp.Equal(before.ev, g.ev, cmp.AllowUnexported(Evidence{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) && cmp.Equal(before.e, g.e):
				t.Fatalf("%s adds nothing", weak.name)
			}
			if got := g.identify(id); got != want {
				t.Errorf("%s and %s: got %s, want %s", strong.name, weak.name, got, want)
			}
		}
	}
}

func TestEvidenceLeavesAChoiceToWhatIsWeaker(t *testing.T) {
	id := ladder(t)
	uid := Evidence{HasCreds: true, UID: 3001} // of one/dev1 and two/dev1
	cert := Evidence{CertFingerprint: "00", CertNames: []string{"DEV1"}}
	network := Evidence{Addr: netip.MustParseAddr("198.51.100.9")}
	allowOwner := Evidence{Allow: []string{"dev1"}, By: index.ByPort}
	tests := []struct {
		name, tag, sd string
		ev            Evidence
		want          string
	}{
		{"a user's tag", "one_dev1", "", uid, "one/dev1 by content"},
		{"a user's other tag", "two_dev1_access", "", uid, "two/dev1 by content"},
		{"a user without a tag", "", "", uid, "unassigned by "},
		{"a user with a strange tag", "nginx", "", uid, "unassigned by "},
		{"a user forges a tag", "two_dev2", "", uid, "unassigned by , contradicts"},
		{"a user's process", "", "", Evidence{HasCreds: true, UID: 3001, PID: 200}, "two/dev1 by creds"},
		{"a process that cannot be the user's", "one_dev1", "", Evidence{HasCreds: true, UID: 3001, PID: 400}, "one/dev1 by content"},
		{"a process of an impossible instance", "one_dev1", "", Evidence{HasCreds: true, UID: 3001, PID: 300}, "one/dev1 by content"},
		{"a process in another namespace", "", "", Evidence{HasCreds: true, UID: 2001}, "s/uid by creds"},
		{"an unknown user", "s_content", "", Evidence{HasCreds: true, UID: 9}, "s/content by content"},
		{"a user's token", "", sdToken(tokenTwo), uid, "two/dev1 by token"},
		{"a user with another's token", "one_dev1", sdToken(tokenOne), uid, "one/dev1 by content, contradicts"},
		{"a user with a token for both", "one_dev1", sdToken(tokenOwner), uid, "one/dev1 by content"},
		{"a token against a tag", "one_dev1", sdToken(tokenTwo), uid, "two/dev1 by token, contradicts"},
		{"a certificate's tag", "one_dev1", "", cert, "one/dev1 by content"},
		{"a certificate with a forged tag", "two_dev2", "", cert, "unassigned by , contradicts"},
		{"a certificate that was not verified", "s_content", "", Evidence{CertNames: []string{"dev1"}}, "s/content by content"},
		{"a network's tag", "two_dev1", "", network, "two/dev1 by content"},
		{"the smaller network", "", "", Evidence{Addr: netip.MustParseAddr("192.0.2.7")}, "s/address by address"},
		{"the larger network", "", "", Evidence{Addr: netip.MustParseAddr("::ffff:192.0.2.8")}, "s/network by address"},
		{"an IPv6 network", "", "", Evidence{Addr: netip.MustParseAddr("2001:db8::1%eth0")}, "s/network by address"},
		{"no network", "", "", Evidence{Addr: netip.MustParseAddr("203.0.113.1")}, "unassigned by "},
		{"an owner's token alone", "", sdToken(tokenOwner), Evidence{}, "unassigned by "},
		{"an owner's token and tag", "two_dev1", sdToken(tokenOwner), Evidence{}, "two/dev1 by content"},
		{"an owner's token and a forged tag", "two_dev2", sdToken(tokenOwner), Evidence{}, "unassigned by , contradicts"},
		{"a wrong token", "two_dev2", sdToken("0123456789abcdef-bad"), Evidence{}, "two/dev2 by content"},
		{"an allowed owner", "one_dev1", "", allowOwner, "one/dev1 by content"},
		{"an owner that is not allowed", "two_dev2", "", allowOwner, "unassigned by , contradicts"},
		{"an allowed instance", "two_dev2", "", Evidence{Allow: []string{"x", "two/dev2"}, By: index.BySocket}, "two/dev2 by content"},
		{"an instance that is not allowed", "two_dev1", "", Evidence{Allow: []string{"x", "two/dev2"}, By: index.BySocket}, "unassigned by , contradicts"},
		{"a token that is not allowed", "", sdToken(tokenOne), allowOwner, "unassigned by , contradicts"},
		{"a token and what is allowed leave one", "", sdToken(tokenOwner), Evidence{Allow: []string{"one/dev1"}, By: index.ByPort}, "one/dev1 by token"},
		{"a certificate and what is allowed leave one", "", "", Evidence{CertFingerprint: "00", CertNames: []string{"dev1"}, Allow: []string{"one/dev1"}, By: index.ByPort}, "one/dev1 by port"},
		{"a certificate that is not allowed", "one_dev1", "", Evidence{CertFingerprint: "00", CertNames: []string{"dev1"}, Allow: []string{"dev2"}, By: index.ByPort}, "one/dev1 by content, contradicts"},
		{"a user whom the socket does not allow", "two_dev2", "", Evidence{HasCreds: true, UID: 3001, Allow: []string{"dev2"}, By: index.BySocket}, "two/dev2 by content, contradicts"},
		{"a token before the message", "two_dev2", "", Evidence{Instance: "s/token", By: index.ByToken}, "s/token by token, contradicts"},
		{"a token before the message, and an address", "", "", Evidence{Instance: "s/token", By: index.ByToken, Addr: netip.MustParseAddr("192.0.2.7")}, "s/address by address, contradicts"},
		{"a rule", "hhl-content-server", "", Evidence{}, "s/content by content"},
		{"a rule that names nobody, then one that does", "hhl-nobody-server", "", Evidence{}, "unassigned by "},
		{"the second rule", "hhl-x", "", Evidence{}, "two/dev2 by content"},
		{"a rule against evidence", "hhl-x", "", Evidence{Instance: "s/port", By: index.ByPort}, "s/port by port, contradicts"},
		{"a tag that is nobody's", "nginx", "", Evidence{Instance: "s/port", By: index.ByPort}, "s/port by port"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := given{ev: test.ev, e: index.Entry{AppName: test.tag, StructuredData: test.sd}}
			if got := g.identify(id); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestARelayIsTrustedOnlyWithACertificateThatIsNobodys(t *testing.T) {
	id := ladder(t)
	relay := Evidence{CertFingerprint: "00", CertNames: []string{"relay"}, TrustClaims: true, By: index.ByPort, Addr: netip.MustParseAddr("192.0.2.7")}
	own, none, limited := relay, relay, relay
	own.CertNames = []string{"cert.example.org"}
	none.CertFingerprint, none.CertNames = "", nil
	limited.Allow = []string{"dev1"}
	tests := []struct {
		name, tag, sd string
		ev            Evidence
		want          string
	}{
		{"a relay's word", "s_content", "", relay, "s/content by cert"},
		{"a relay that names nobody", "nginx", "", relay, "unassigned by "},
		{"a relay with a message's token", "nginx", sdToken(tokenOne), relay, "s/token by token"},
		{"a relay against a message's token", "s_content", sdToken(tokenOne), relay, "s/content by cert, contradicts"},
		{"a relay that is allowed", "one_dev1", "", limited, "one/dev1 by cert"},
		{"a relay that is not allowed", "s_content", "", limited, "unassigned by , contradicts"},
		{"an instance's certificate", "s_content", "", own, "s/cert by cert, contradicts"},
		{"no certificate", "s_content", "", none, "s/address by address, contradicts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := given{ev: test.ev, e: index.Entry{AppName: test.tag, StructuredData: test.sd}}
			if got := g.identify(id); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestNamesAreLearnedOnlyWhereTheyAreAllowedAndNeverContradict(t *testing.T) {
	id, err := NewIdentifier(&Config{
		Inputs: []string{"udp://127.0.0.1:0?instance=web/dev1", "udp://127.0.0.1:0"},
		Rules:  []Rule{{Pattern: "^old$", Instance: "legacy/box"}, {Pattern: `^(\w+)\.log$`, Instance: "logs/$1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	bound := Evidence{Instance: "web/dev1", By: index.ByPort}
	allow := Evidence{Allow: []string{"dev2"}, By: index.ByPort}
	for _, test := range []struct {
		tag  string
		ev   Evidence
		want string
	}{
		{"git-server", Evidence{}, "git/server by content"},
		{"git-server", bound, "web/dev1 by port"}, // it may be just a program's name
		{"old", bound, "web/dev1 by port, contradicts"},
		{"web_dev1", allow, "unassigned by , contradicts"},
		{"web_dev1", Evidence{}, "web/dev1 by content"},
		{"web_dev3", allow, "unassigned by "},
		{"web_dev2", allow, "web/dev2 by content"},
		{"web_dev2", Evidence{}, "web/dev2 by content"},
		{"old", Evidence{}, "legacy/box by content"},
		{"a.log", Evidence{}, "logs/a by content"},
	} {
		g := given{ev: test.ev, e: index.Entry{AppName: test.tag}}
		if got := g.identify(id); got != test.want {
			t.Errorf("%s: got %s, want %s", test.tag, got, test.want)
		}
	}
	if n := len(id.known.Load().learned); n != 2 {
		t.Errorf("%d names were learned, want those of git-server and web_dev2", n)
	}
}

func TestWhatIsKnownOfAProcessIsAskedAgainAfterAWhile(t *testing.T) {
	running := map[int]string{}
	asked := 0
	id, err := NewIdentifier(&Config{ProcessInstance: func(pid int) (string, bool) {
		asked++
		name, ok := running[pid]
		return name, ok
	}})
	if err != nil {
		t.Fatal(err)
	}
	ev := Evidence{HasCreds: true, PID: 7}
	start := time.Unix(1e9, 0)
	for _, step := range []struct {
		after time.Duration
		runs  string
		want  string
		asked int
	}{
		{0, "", "unassigned", 1},
		{keepNoProcess / 2, "redis/dev1", "unassigned", 1},
		{keepNoProcess, "redis/dev1", "redis/dev1", 2},
		{keepNoProcess + keepProcess/2, "", "redis/dev1", 2},
		{keepNoProcess + keepProcess, "", "unassigned", 3},
	} {
		delete(running, 7)
		if step.runs != "" {
			running[7] = step.runs
		}
		e := index.Entry{Received: start.Add(step.after)}
		id.Identify(&e, &ev)
		if e.Instance != step.want || asked != step.asked {
			t.Errorf("after %v: got %s and asked %d times, want %s and %d", step.after, e.Instance, asked, step.want, step.asked)
		}
	}
}

func TestRedisNamesItsProcessInItsFirstMessages(t *testing.T) {
	id := ladder(t)
	const text = "Redis version=7.0.15, bits=64, commit=00000000, modified=0, pid=100, just started"
	local := Evidence{By: index.BySocket}
	far := Evidence{By: index.ByPort, Addr: netip.MustParseAddr("203.0.113.1")}
	for _, test := range []struct {
		tag, procID, text string
		ev                Evidence
		want              string
	}{
		{"redis-server", "", text, local, "s/pid by content"},
		{"redis-server", "", strings.Replace(text, "100", "200", 1), Evidence{HasCreds: true, PID: 100}, "s/pid by creds"},
		{"redis-server", "", strings.Replace(text, "100", "999", 1), local, "unassigned by "},
		{"redis-server", "", "modified=0, pid=-1, just", local, "unassigned by "},
		{"redis-server", "", text, far, "unassigned by "}, // another machine's pid
		{"redis-server", "55", text, local, "unassigned by "},
		{"other", "", text, local, "unassigned by "},
	} {
		g := given{ev: test.ev, e: index.Entry{AppName: test.tag, ProcID: test.procID, Message: test.text}}
		if got := g.identify(id); got != test.want {
			t.Errorf("%+v: got %s, want %s", test, got, test.want)
		}
	}
}

func TestInstancesAreReplacedForSendersThatWereIdentified(t *testing.T) {
	id := ladder(t)
	ev := Evidence{HasCreds: true, UID: 2001}
	e := index.Entry{}
	id.Identify(&e, &ev)
	if e.Instance != "s/uid" {
		t.Fatalf("got %s", e.Instance)
	}
	if err := id.SetInstances([]Instance{{Name: "new/name", UIDs: []int{2001}}}); err != nil {
		t.Fatal(err)
	}
	id.Identify(&e, &ev)
	if e.Instance != "new/name" {
		t.Errorf("got %s, want what was set since", e.Instance)
	}
}

func TestIdentifyingAllocatesNothingForASenderThatIsKnown(t *testing.T) {
	id := ladder(t)
	for _, rung := range rungs {
		var g given
		rung.add(&g)
		ev := g.ev
		n := testing.AllocsPerRun(100, func() {
			e := g.e
			id.Identify(&e, &ev)
		})
		if n != 0 {
			t.Errorf("%s: got %v allocations", rung.name, n)
		}
	}
	ruled, ev := index.Entry{AppName: "hhl-content-server"}, Evidence{}
	if n := testing.AllocsPerRun(100, func() { id.Identify(&ruled, &ev) }); n != 0 {
		t.Errorf("a rule: got %v allocations", n)
	}
}

func BenchmarkIdentify(b *testing.B) {
	id := ladder(b)
	ev := Evidence{HasCreds: true, UID: 3001, PID: 1}
	e := index.Entry{Message: "2026/11/22 08:53:08 [debug] 18331#18331: *9 http header: \"Host: localhost\"", AppName: "two_dev1_access"}
	b.ReportAllocs()
	for b.Loop() {
		id.Identify(&e, &ev)
	}
}
