package syslog

import (
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

func TestAYearIsChosenNearestToTheReception(t *testing.T) {
	tests := []struct{ name, now, stamp, want string }{
		{"December read in January", "2027-01-01T00:00:05Z", "Dec 31 23:59:58", "2026-12-31T23:59:58Z"},
		{"January sent by a clock ahead in December", "2026-12-31T23:59:58Z", "Jan  1 00:00:02", "2027-01-01T00:00:02Z"},
		{"the same day", "2026-11-22T10:00:00Z", "Nov 22 09:59:59", "2026-11-22T09:59:59Z"},
		{"half a year ago", "2026-11-22T10:00:00Z", "Jun 10 00:00:00", "2026-06-10T00:00:00Z"},
		{"a leap day, read after it", "2028-03-01T10:00:00Z", "Feb 29 10:00:00", "2028-02-29T10:00:00Z"},
		{"a leap day, read a year later", "2029-02-01T10:00:00Z", "Feb 29 10:00:00", "2028-02-29T10:00:00Z"},
		{"a leap day, between leap years", "2027-02-28T10:00:00Z", "Feb 29 10:00:00", "2028-02-29T10:00:00Z"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, test.now)
			if err != nil {
				t.Fatal(err)
			}
			got, n := parseStamp(test.stamp+" host", now, time.UTC)
			if n != len(test.stamp) || got.Format(time.RFC3339) != test.want {
				t.Errorf("got %v, %d bytes, want %s", got, n, test.want)
			}
		})
	}
}

func TestStampsAreReadInTheListenersZone(t *testing.T) {
	east := time.FixedZone("", 8*3600)
	opts := Options{Location: east}
	now := time.Date(2026, 12, 31, 18, 0, 0, 0, time.UTC) // 2027-01-01 02:00 there
	e := index.Entry{Received: now}
	Parse("<13>Jan  1 01:59:00 h t: x", &opts, &e)
	if want := time.Date(2027, 1, 1, 1, 59, 0, 0, east); !e.Time.Equal(want) {
		t.Errorf("got %v, want %v", e.Time, want)
	}
}

func TestWhatIsNoTimestampIsNotTakenForOne(t *testing.T) {
	for _, text := range []string{
		"", "Nov", "Nov 22", "Nov 22 08:53", "Nov 22 08:53:0", "Nov 32 08:53:08 ", "Nov 22 24:00:00 ", "Nov 22 08:60:00 ",
		"Nov 22 08:53:61 ", "Nov 0 08:53:08 ", "Feb 30 2026 08:53:08 ", "Now 22 08:53:08 ", "Nov 22 08:53:08x ",
		"2026-11-22", "2026-11-22T08:53:0", "2026-13-22T08:53:08Z ", "2026-02-30T08:53:08Z ", "2026-11-22T08:53:08+24:00 ",
		"2026-11-22T08:53:08Zx", "2026-11-22 08:53:08 ", "2o26-11-22T08:53:08Z ",
	} {
		if got, n := parseStamp(text, testNow, time.UTC); n != 0 {
			t.Errorf("%q: got %v, %d bytes", text, got, n)
		}
	}
}

func TestLevelsInTheTextCorrectTheHeader(t *testing.T) {
	tests := []struct{ name, frame, wantPRI, wantProc string }{
		{"nginx level wins", "<190>Nov 22 08:53:08 vm x_dev1: 2026/11/22 08:53:08 [error] 7#8: *9 x", "local7.err", "7"},
		{"a process id in the header wins", "<190>Nov 22 08:53:08 vm x_dev1[5]: 2026/11/22 08:53:08 [warn] 7#8: x", "local7.warning", "5"},
		{"ngx.STDERR has the facility of its neighbour", "<167>Nov 22 08:53:08 vm x_dev1: 2026/11/22 08:53:08 [] 7#8: x", "local5.notice", "7"},
		{"lua_code_cache off is no alert", "<185>Nov 22 08:53:19 vm x_dev1: 2026/11/22 08:53:19 [alert] 7#18: lua_code_cache is off; this will hurt performance in /x/nginx.conf:14", "local7.notice", "7"},
		{"another alert stays one", "<185>Nov 22 08:53:19 vm x_dev1: 2026/11/22 08:53:19 [alert] 7#8: worker process 9 exited on signal 9", "local7.alert", "7"},
		{"Lua code that says the same stays an alert", "<185>Nov 22 08:53:19 vm x_dev1: 2026/11/22 08:53:19 [alert] 7#8: *1 [lua] a.lua:1: lua_code_cache is off", "local7.alert", "7"},
		{"an unknown level changes nothing", "<167>Nov 22 08:53:08 vm x_dev1: 2026/11/22 08:53:08 [loud] 7#8: x", "local4.debug", "7"},
		{"no nginx line", "<190>Nov 22 08:53:08 vm x_dev1: 2026/11/22 08:53:08 [error] 7: x", "local7.info", ""},
		{"cut inside", "<190>Nov 22 08:53:08 vm x_dev1: 2026/11/22 08:53:08 [error] 7#8", "local7.info", ""},
		{"not at the start", "<190>Nov 22 08:53:08 vm x_dev1: x 2026/11/22 08:53:08 [error] 7#8: x", "local7.info", ""},
		{"MariaDB note", "<27>Nov 22 09:15:18 mysqld: 2026-11-22  9:15:18 0 [Note] InnoDB: x", "daemon.info", ""},
		{"MariaDB error", "<27>Nov 22 09:15:18 mysqld-dev1: 2026-11-22 19:15:18 12 [ERROR] x", "daemon.err", ""},
		{"MySQL warning", "<27>Nov 22 09:15:18 mysqld: 2026-11-22T09:15:18.123456Z 0 [Warning] [MY-010068] x", "daemon.warning", ""},
		{"only for mysqld", "<27>Nov 22 09:15:18 other: 2026-11-22  9:15:18 0 [Note] x", "daemon.err", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := testOptions("udp")
			e := index.Entry{Received: testNow}
			Parse(test.frame, &opts, &e)
			message := e.Message
			Refine(&e)
			if got := e.Facility.String() + "." + e.Severity.String(); got != test.wantPRI || e.ProcID != test.wantProc || e.Message != message {
				t.Errorf("got %s, proc %q, want %s, %q", got, e.ProcID, test.wantPRI, test.wantProc)
			}
		})
	}
}

func TestTheLuaHandlersExtraFieldIsRepairedOnDemand(t *testing.T) {
	const frame = "<134>1 2015-01-06T20:07:10.000000+08:00 HOSTNAME team1201 APP-NAME 9999 - - hello \n"
	opts := testOptions("udp")
	opts.LuaFixups = true
	e := index.Entry{Received: testNow, Source: testPeer}
	Parse(frame, &opts, &e)
	if e.Hostname != testPeer || e.ProcID != "" || e.Message != "hello" || e.AppName != "team1201" {
		t.Errorf("got %+v", e)
	}
	e = index.Entry{Received: testNow, Source: testPeer}
	const other = "<134>1 2015-01-06T20:07:10Z h app 7 - - - hello "
	Parse(other, &opts, &e)
	if e.Hostname != "h" || e.ProcID != "7" || e.Message != "- hello " {
		t.Errorf("another sender's message is changed: %+v", e)
	}
}

func TestALocalSocketHasAHostnameOnlyBeforeATag(t *testing.T) {
	for frame, want := range map[string][3]string{
		"<174>Nov 22 08:51:14 game-proxy[15529]: with pid": {testCollector, "game-proxy", "with pid"},
		"<174>Nov 22 08:51:14 vm dev1_access: GET":         {"vm", "dev1_access", "GET"},
		"<174>Nov 22 08:51:14 tag without colon":           {testCollector, "tag", "without colon"},
		"<174>tag: no time":                                {testCollector, "tag", "no time"},
	} {
		opts := testOptions("unix")
		e := index.Entry{Received: testNow, Source: "unix:uid=0,pid=1"}
		Parse(frame, &opts, &e)
		if got := [3]string{e.Hostname, e.AppName, e.Message}; got != want {
			t.Errorf("%q: got %q, want %q", frame, got, want)
		}
	}
}
