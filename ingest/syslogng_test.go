package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// syslogNG are what syslog-ng's destinations write of three messages: of a
// program with a pid, of one without, and of one whose text is beyond ASCII.
// network() has RFC 3164's header and ends each message by a line feed, in
// datagrams too. syslog() has RFC 5424's, a byte order mark before the text
// where it is UTF-8, and the line feed inside the octet count. Debian's package
// cannot be installed beside rsyslog's, so a test peer sends them.
var syslogNG = map[string]struct {
	format   string
	messages []string
}{
	"network()": {"rfc3164", []string{
		"<171>Nov 22 08:51:14 relayed socketserver_dev1[77]: first: message\n",
		"<30>Nov 22 08:51:15 relayed systemd: Started cron\n",
		"<174>Nov 22 08:51:16 relayed socketserver_dev1[77]: 玩家\u00a0上线\n",
	}},
	"network() with ts-format(iso)": {"rfc3164", []string{
		"<171>2026-11-22T08:51:14+00:00 relayed socketserver_dev1[77]: first: message\n",
		"<30>2026-11-22T08:51:15+00:00 relayed systemd: Started cron\n",
		"<174>2026-11-22T08:51:16+00:00 relayed socketserver_dev1[77]: 玩家\u00a0上线\n",
	}},
	"syslog()": {"rfc5424", []string{
		"<171>1 2026-11-22T08:51:14+00:00 relayed socketserver_dev1 77 - [meta sequenceId=\"1\"] \ufefffirst: message\n",
		"<30>1 2026-11-22T08:51:15+00:00 relayed systemd - - [meta sequenceId=\"2\"] Started cron\n",
		"<174>1 2026-11-22T08:51:16+00:00 relayed socketserver_dev1 77 - [meta sequenceId=\"3\"] \ufeff玩家\u00a0上线\n",
	}},
}

func TestSyslogNGsDestinationsAreUnderstoodOverEveryTransport(t *testing.T) {
	want := []sent{
		{Pri: "local5.err", App: "socketserver_dev1", Proc: "77", Message: "first: message", Instance: "socketserver/dev1", HasTime: true},
		{Pri: "daemon.info", App: "systemd", Message: "Started cron", Instance: "unassigned", HasTime: true},
		{Pri: "local5.info", App: "socketserver_dev1", Proc: "77", Message: "玩家\u00a0上线", Instance: "socketserver/dev1", HasTime: true},
	}
	octets := func(message string) string { return fmt.Sprintf("%d %s", len(message), message) }
	asItIs := func(message string) string { return message }
	transports := []struct {
		name, input string
		frame       func(string) string
	}{
		{"UDP", "udp://127.0.0.1:0", asItIs},
		{"TCP by line", "tcp://127.0.0.1:0", asItIs},
		{"TCP by octet count", "tcp://127.0.0.1:0", octets},
	}
	for destination, writes := range syslogNG {
		for i := range want {
			want[i].Format = writes.format
		}
		for _, transport := range transports {
			t.Run(destination+" "+transport.name, func(t *testing.T) {
				sink := newFakeSink()
				r := start(t, Config{Inputs: []string{transport.input}}, sink)
				conn := dial(t, r.Addrs()[0])
				for _, message := range writes.messages {
					send(t, conn, transport.frame(message))
				}
				var got []sent
				for _, e := range sink.wait(t, len(want)) {
					got = append(got, sentOf(&e))
					if e.Hostname != "relayed" || e.Source != "127.0.0.1" || e.Flags != 0 {
						t.Errorf("got %+v", e)
					}
					if sd := e.StructuredData; strings.HasPrefix(sd, "[meta ") != (writes.format == "rfc5424") {
						t.Errorf("got structured data %q", sd)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A counted frame that has a line feed inside stays one message.
func TestALineFeedInsideASyslogNGFrameIsText(t *testing.T) {
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}}, sink)
	conn := dial(t, r.Addrs()[0])
	message := strings.Replace(syslogNG["syslog()"].messages[0], "message", "message\n<10>Nov 22 08:51:14 root: forged", 1)
	send(t, conn, fmt.Sprintf("%d %s", len(message), message))
	send(t, conn, fmt.Sprintf("%d %s", len(message), message))
	for _, e := range sink.wait(t, 2) {
		if e.Message != "first: message\n<10>Nov 22 08:51:14 root: forged" {
			t.Errorf("got %+v", e)
		}
	}
}
