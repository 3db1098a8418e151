package relp

import (
	"errors"
	"testing"
)

const goodOffers = "relp_version=1\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"

func TestASessionAnswersInOrderAndOnlyWhenReleased(t *testing.T) {
	var s Session
	take := func(f Frame, want Event) {
		t.Helper()
		if got, err := s.Take(f); got != want || err != nil {
			t.Fatalf("%s: got %v, %v, want %v", f.Command, got, err, want)
		}
	}
	take(Frame{Txnr: 1, Command: "open", Data: []byte(goodOffers)}, Nothing)
	want := "1 rsp 59 200 OK\nrelp_version=1\nrelp_software=tagtail\ncommands=syslog\n"
	if got := string(s.Release()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	take(Frame{Txnr: 2, Command: "syslog", Data: []byte("a")}, Message)
	take(Frame{Txnr: 0, Command: "hint"}, Nothing)
	take(Frame{Txnr: 3, Command: "unheard"}, Nothing)
	take(Frame{Txnr: 4, Command: "open", Data: []byte(goodOffers)}, Nothing)
	take(Frame{Txnr: 5, Command: "close"}, Closed)
	want = "2 rsp 6 200 OK\n3 rsp 19 500 unknown command\n4 rsp 16 200 already open\n5 rsp 6 200 OK\n"
	if got := string(s.Release()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(s.Release()); got != "" {
		t.Errorf("got %q twice", got)
	}
}

func TestOffersAreTakenOrRefused(t *testing.T) {
	tests := []struct {
		name, offers string
		want         Event
		response     string
	}{
		{"version 0", "relp_version=0\ncommands=syslog", Nothing, "1 rsp 59 200 OK\nrelp_version=0\nrelp_software=tagtail\ncommands=syslog\n"},
		{"a version of the future", "relp_version=7\ncommands=eventlog,syslog", Nothing, "1 rsp 59 200 OK\nrelp_version=1\nrelp_software=tagtail\ncommands=syslog\n"},
		{"no version", "commands=syslog", Refused, "1 rsp 27 500 relp_version is missing\n"},
		{"a version that is no number", "relp_version=x\ncommands=syslog", Refused, "1 rsp 27 500 relp_version is missing\n"},
		{"no syslog", "relp_version=1\ncommands=eventlog", Refused, "1 rsp 33 500 the command syslog is missing\n"},
		{"nothing", "", Refused, "1 rsp 27 500 relp_version is missing\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s Session
			got, err := s.Take(Frame{Txnr: 1, Command: "open", Data: []byte(test.offers)})
			if got != test.want || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
			if response := string(s.Release()); response != test.response {
				t.Errorf("got %q, want %q", response, test.response)
			}
		})
	}
}

func TestWhatHasNoPlaceEndsTheSession(t *testing.T) {
	open := Frame{Txnr: 1, Command: "open", Data: []byte(goodOffers)}
	tests := []struct {
		name   string
		frames []Frame
	}{
		{"a message before open", []Frame{{Txnr: 1, Command: "syslog"}}},
		{"a first number that is not 1", []Frame{{Txnr: 2, Command: "open", Data: []byte(goodOffers)}}},
		{"a number twice", []Frame{open, {Txnr: 1, Command: "syslog"}}},
		{"a number left out", []Frame{open, {Txnr: 3, Command: "syslog"}}},
		{"a response", []Frame{open, {Txnr: 2, Command: "rsp"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s Session
			for i, f := range test.frames {
				_, err := s.Take(f)
				if last := i == len(test.frames)-1; last != errors.Is(err, ErrProtocol) {
					t.Errorf("frame %d: got %v", i, err)
				}
			}
		})
	}
}

func TestNumbersBeginAgainBehindTheLast(t *testing.T) {
	s := Session{opened: true, last: maxTxnr - 1}
	for _, txnr := range []int{maxTxnr, 1, 2} {
		if _, err := s.Take(Frame{Txnr: txnr, Command: "syslog"}); err != nil {
			t.Error(err)
		}
	}
}

func TestAcknowledgingAllocatesNothing(t *testing.T) {
	s := Session{opened: true}
	data := []byte("x")
	if allocs := testing.AllocsPerRun(100, func() {
		for range 100 {
			if _, err := s.Take(Frame{Txnr: s.last + 1, Command: commandSyslog, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		s.Release()
	}); allocs > 0 {
		t.Errorf("got %v allocations in 100 messages", allocs)
	}
}
