package ingest

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// program returns the path of a real sender. Under CI it has to be there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// sent is what a sender's message is compared by.
type sent struct {
	Pri, Format, App, Proc, Message, Instance string
	HasTime                                   bool
}

func sentOf(e *index.Entry) sent {
	return sent{
		Pri: e.Facility.String() + "." + e.Severity.String(), Format: e.Format.String(), App: e.AppName,
		Proc: e.ProcID, Message: e.Message, Instance: e.Instance, HasTime: !e.Time.IsZero(),
	}
}

func hostPort(t *testing.T, addr net.Addr) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

func TestLoggerIsUnderstoodInAllItsModes(t *testing.T) {
	logger := program(t, "logger")
	path := socketPath(t)
	common := []string{"-p", "local5.err", "-t", "socketserver_dev1", "--id=77"}
	tests := []struct {
		name, input, format string
		args                []string
	}{
		{"RFC 5424 by UDP", "udp://127.0.0.1:0", "rfc5424", []string{"-d"}},
		{"RFC 3164 by UDP", "udp://127.0.0.1:0", "rfc3164", []string{"-d", "--rfc3164"}},
		{"RFC 5424 by TCP", "tcp://127.0.0.1:0", "rfc5424", []string{"-T"}},
		{"RFC 3164 by TCP", "tcp://127.0.0.1:0", "rfc3164", []string{"-T", "--rfc3164"}},
		{"octet count", "tcp://127.0.0.1:0", "rfc5424", []string{"-T", "--octet-count"}},
		{"octet count and RFC 3164", "tcp://127.0.0.1:0", "rfc3164", []string{"-T", "--octet-count", "--rfc3164"}},
		{"unix socket", "unixgram://" + path, "rfc3164", []string{"-u", path}},
		{"unix stream socket", "unix://" + path, "rfc3164", []string{"-u", path}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{test.input}}, sink)
			args := append(append([]string{}, common...), test.args...)
			if !strings.HasPrefix(test.input, "unix") {
				host, port := hostPort(t, r.Addrs()[0])
				args = append(args, "-n", host, "-P", port)
			}
			want := sent{Pri: "local5.err", Format: test.format, App: "socketserver_dev1", Proc: "77", Instance: "socketserver/dev1", HasTime: true}
			for i, message := range []string{"first message", "second: message"} {
				run(t, logger, append(args, message)...)
				got := sink.wait(t, i+1) // two connections have no order
				want.Message = message
				if diff := cmp.Diff(want, sentOf(&got[i])); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if s := r.Stats()[0]; s.Rejected != 0 || s.Dropped != 0 {
				t.Errorf("got stats %+v", s)
			}
		})
	}
}

// pythonScript logs by SysLogHandler to the address in its arguments, a host
// and a port with a socket type, or a path.
const pythonScript = `
import logging, logging.handlers, os, socket, sys
where = sys.argv[1] if len(sys.argv) == 2 else (sys.argv[1], int(sys.argv[2]))
kind = socket.SOCK_STREAM if sys.argv[-1] == "tcp" else socket.SOCK_DGRAM
handler = logging.handlers.SysLogHandler(where, facility="local5", socktype=kind)
log = logging.getLogger()
log.addHandler(handler)
log.setLevel(logging.DEBUG)
tagged = logging.Formatter("%(asctime)s git-server_dev1[%(process)d]: %(message)s", "%b %e %H:%M:%S")
def fail():
    handler.setFormatter(tagged)
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("boom")
if os.environ.get("FAIL_FIRST"):
    fail()
    handler.setFormatter(None)
log.info("plain message")
fail()
handler.setFormatter(logging.Formatter("app: %(message)s"))
log.warning("last")
`

// checkTraceback tells whether an entry is pythonScript's traceback, whole.
func checkTraceback(t *testing.T, e *index.Entry) {
	t.Helper()
	if m := e.Message; !strings.HasPrefix(m, "boom\nTraceback") || !strings.HasSuffix(m, "ZeroDivisionError: division by zero") || e.Flags != 0 {
		t.Errorf("got traceback %q, flags %v", m, e.Flags.Names())
	}
}

func TestPythonsTracebackIsWholeAlsoAsTheFirstMessageOfAStream(t *testing.T) {
	python := program(t, "python3")
	t.Setenv("FAIL_FIRST", "1")
	for range 5 { // what a read finds is up to the kernel
		sink := newFakeSink()
		r := start(t, Config{Inputs: []string{"tcp://127.0.0.1:0"}}, sink)
		host, port := hostPort(t, r.Addrs()[0])
		run(t, python, "-c", pythonScript, host, port, "tcp")
		got := sink.wait(t, 4)
		checkTraceback(t, &got[0])
		checkTraceback(t, &got[2])
		if got[1].Message != "plain message" || got[3].Message != "last" {
			t.Errorf("got %q, %q", got[1].Message, got[3].Message)
		}
	}
}

func TestPythonsSysLogHandlerIsUnderstood(t *testing.T) {
	python := program(t, "python3")
	path := socketPath(t)
	for _, input := range []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0", "unixgram://" + path} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{input}}, sink)
			args := []string{"-c", pythonScript, path}
			if scheme, _, _ := strings.Cut(input, ":"); scheme != "unixgram" {
				host, port := hostPort(t, r.Addrs()[0])
				args = []string{"-c", pythonScript, host, port, scheme}
			}
			run(t, python, args...)
			got := sink.wait(t, 3)
			want := []sent{
				{Pri: "local5.info", Format: "rfc3164", Message: "plain message", Instance: index.Unassigned},
				{Pri: "local5.err", Format: "rfc3164", App: "git-server_dev1", Instance: "git-server/dev1", HasTime: true},
				{Pri: "local5.warning", Format: "rfc3164", App: "app", Message: "last", Instance: index.Unassigned},
			}
			want[1].Proc, want[1].Message = got[1].ProcID, got[1].Message
			for i := range want {
				if diff := cmp.Diff(want[i], sentOf(&got[i])); diff != "" {
					t.Errorf("message %d (-want +got):\n%s", i, diff)
				}
			}
			checkTraceback(t, &got[1])
		})
	}
}
