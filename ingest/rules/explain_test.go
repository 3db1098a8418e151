package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/ingest/rules/script"
)

func TestEachRuleIsExplained(t *testing.T) {
	s := script.Parse("t", `local5.* /var/log/all.log;RSYSLOG_SyslogProtocol23Format
:programname, isequal, "x" /var/log/x.log
& tag="web/dev1"
& stop
*.err;mail.none;mail.=info @@h:10514
if $msg contains "a" and ($syslogseverity <= 3 or not re_match($hostname, "^w")) then {
  tag="dev2"
} else if prifilt("*.=debug") then stop
$template d,"/var/log/%hostname%/%$year%.log"
*.* ?d
*.* action(type="omrelp" target="::1" port="20514")
ruleset(name="r") { /var/log/r.log
}
call r
input(type="imtcp" port="601" ruleset="r")
:nonsense, isequal, "x" /var/log/none
if $nonsense == 1 then /var/log/none else /var/log/other
$DefaultRuleset RSYSLOG_DefaultRuleset
`)
	want := []string{
		`t:15: Messages are received at tcp://0.0.0.0:601, for the ruleset r.`,
		`t:1: What is of local5 at any severity is written to /var/log/all.log as RSYSLOG_SyslogProtocol23Format.`,
		`t:2: If programname is "x", a message is written to /var/log/x.log as RSYSLOG_FileFormat, is taken for web/dev1 if nothing better says whose it is, and goes through no further rule.`,
		`t:5: What is of every facility but mail at err and worse, and mail at info is forwarded to tcp://h:10514 as RSYSLOG_TraditionalForwardFormat.`,
		`t:7: If msg contains "a" and (syslogseverity is at most 3 or not hostname matches "^w"), a message is taken for one of dev2's if nothing better says whose it is.`,
		`t:8: If not (msg contains "a" and (syslogseverity is at most 3 or not hostname matches "^w")) and every facility at debug, a message goes through no further rule.`,
		`t:10: What is of every facility at any severity is written to a file of its own, /var/log/%hostname%/%$year%.log, as RSYSLOG_FileFormat.`,
		`t:11: What is of every facility at any severity is forwarded to relp://[::1]:20514 as RSYSLOG_ForwardFormat.`,
		`t:14: Every message goes through the ruleset r.`,
		`t:12: In the ruleset r: Every message is written to /var/log/r.log as RSYSLOG_FileFormat.`,
	}
	if diff := cmp.Diff(want, Explain(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(s.Notes) != 2 || !strings.Contains(s.Notes[1].String(), "t:17: ") {
		t.Errorf("got notes %v", s.Notes)
	}
}
