package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInputsAreRead(t *testing.T) {
	tests := []struct {
		text string
		want inputSpec
	}{
		{"udp://127.0.0.1:5514", inputSpec{scheme: "udp", address: "127.0.0.1:5514", zone: time.Local, mode: 0o666}},
		{"udp://:514?zone=UTC&split=lf-pri&fixups=lua", inputSpec{scheme: "udp", address: ":514", zone: time.UTC, mode: 0o666, splitLinePRI: true, luaFixups: true}},
		{"tcp://[::1]:0/?multiline=on", inputSpec{scheme: "tcp", address: "[::1]:0", zone: time.Local, mode: 0o666, multiline: true}},
		{"tcp://localhost:1?multiline=off", inputSpec{scheme: "tcp", address: "localhost:1", zone: time.Local, mode: 0o666}},
		{"unixgram:///run/x.sock?mode=0600", inputSpec{scheme: "unixgram", address: "/run/x.sock", zone: time.Local, mode: 0o600}},
		{"unix:///run/x.sock?multiline=on", inputSpec{scheme: "unix", address: "/run/x.sock", zone: time.Local, mode: 0o666, multiline: true}},
		{"tls://h:1?cert=/c", inputSpec{scheme: "tls", address: "h:1", zone: time.Local, mode: 0o666, tls: tlsSpec{on: true, cert: "/c", key: "/c", client: "none"}}},
		{"tls://h:1?cert=/c&key=/k&ca=/a", inputSpec{scheme: "tls", address: "h:1", zone: time.Local, mode: 0o666, tls: tlsSpec{on: true, cert: "/c", key: "/k", ca: "/a", client: "require"}}},
		{"relp://h:1", inputSpec{scheme: "relp", address: "h:1", zone: time.Local, mode: 0o666}},
		{"relp://h:1?tls=on&cert=/c&ca=/a&client=optional", inputSpec{scheme: "relp", address: "h:1", zone: time.Local, mode: 0o666, tls: tlsSpec{on: true, cert: "/c", key: "/c", ca: "/a", client: "optional"}}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := parseInput(test.text)
			if err != nil {
				t.Fatal(err)
			}
			test.want.text = test.text
			sameZone := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(inputSpec{}, tlsSpec{}), sameZone); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrongConfigurationsAreExplained(t *testing.T) {
	inputs := func(text string) Config { return Config{Inputs: []string{text}} }
	tests := []struct {
		cfg  Config
		want string
	}{
		{Config{}, "--syslog: there is no input; give at least one, such as udp://127.0.0.1:5514"},
		{inputs("127.0.0.1:514"), `--syslog "127.0.0.1:514" is no URL; write one such as udp://127.0.0.1:5514`},
		{inputs("ftp://x:1"), `--syslog "ftp://x:1" has the unknown scheme "ftp"; there are udp, tcp, tls, relp, unixgram, unix`},
		{inputs("/dev/log"), `--syslog "/dev/log" has the unknown scheme ""; there are udp, tcp, tls, relp, unixgram, unix`},
		{inputs("udp://127.0.0.1"), `--syslog "udp://127.0.0.1" has no port; write it like udp://127.0.0.1:5514`},
		{inputs("tcp://h:99999"), `--syslog "tcp://h:99999" has the port "99999"; a port is a number from 0 to 65535`},
		{inputs("udp://h:1/x"), `--syslog "udp://h:1/x" has more than a host and a port; write it like udp://127.0.0.1:5514`},
		{inputs("unixgram://run/x"), `--syslog "unixgram://run/x" needs an absolute path behind three slashes, such as unixgram:///run/tagtail/log.sock`},
		{inputs("unixgram:///" + strings.Repeat("x", 107)), "has a path of 108 bytes; a socket's path has at most 107: choose a shorter one"},
		{inputs("udp://h:1?multiline=on"), `--syslog "udp://h:1?multiline=on" has the unknown option "multiline"; udp has zone, fixups, split`},
		{inputs("tcp://h:1?multiline=yes"), `--syslog "tcp://h:1?multiline=yes" has multiline="yes"; it can be on or off`},
		{inputs("udp://h:1?zone=Mars"), `--syslog "udp://h:1?zone=Mars" has the unknown zone "Mars"; give a name such as Asia/Shanghai, UTC or Local`},
		{inputs("udp://h:1?zone=UTC&zone=UTC"), `has the option "zone" twice; give it once`},
		{inputs("unixgram:///x?mode=999"), `has the mode "999"; give three octal digits, such as 0660`},
		{Config{Inputs: []string{"udp://h:1"}, MaxMessageBytes: 1}, "max_message_bytes: 1 is too small; give at least 480, or 0 for the default"},
		{Config{Inputs: []string{"udp://h:1"}, MaxMessageBytes: 2 << 20}, "max_message_bytes: 2097152 is too large; give at most 1048576"},
		{inputs("tcp://h:1?engine=x"), `has engine="x"; it can be go-syslog or own`},
		{inputs("unix://run/x"), `--syslog "unix://run/x" needs an absolute path behind three slashes, such as unix:///run/tagtail/stream.sock`},
		{inputs("tls://h:1"), `--syslog "tls://h:1" has no certificate; add cert=FILE and key=FILE`},
		{inputs("tls://h:1?cert=/c&client=require"), `has client=require but does not say who signs client certificates; add ca=FILE`},
		{inputs("tls://h:1?cert=/c&client=maybe"), `has client="maybe"; it can be require, optional or none`},
		{inputs("relp://h:1?cert=/c"), `--syslog "relp://h:1?cert=/c" has certificates but no TLS; add tls=on`},
		{inputs("relp://h:1?multiline=on"), `has the unknown option "multiline"; relp has zone, fixups, tls, cert, key, ca, client`},
		{Config{Inputs: []string{"udp://h:1"}, MaxOctetCount: 2 << 20}, "max_octet_count: 2097152 is too large; give at most 1048576"},
		{Config{Inputs: []string{"udp://h:1"}, StallWithin: -1}, "stall_within: -1ns is negative; give a duration such as 30s, or 0 for the default"},
		{Config{Inputs: []string{"udp://h:1"}, MaxConns: -1}, "max_conns: -1 is too small; give at least 1, or 0 for the default"},
		{Config{Inputs: []string{"udp://h:1"}, Instances: []Instance{{Name: "x"}}}, `instance "x": write it as service/owner`},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			err := test.cfg.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
