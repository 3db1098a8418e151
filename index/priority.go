package index

import (
	"strconv"
	"strings"
)

// Severity is the urgency of a message: 0 (emerg) to 7 (debug), RFC 5424,
// section 6.2.1. A smaller number is more severe.
type Severity uint8

// The severities.
const (
	Emerg Severity = iota
	Alert
	Crit
	Err
	Warning
	Notice
	Info
	Debug
)

var severityNames = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// severityAliases are other words that people and programs use.
var severityAliases = map[string]Severity{
	"emergency": Emerg, "panic": Emerg,
	"critical": Crit, "fatal": Crit,
	"error":       Err,
	"warn":        Warning,
	"information": Info, "informational": Info,
	"dbg": Debug, "trace": Debug,
}

// String returns the RFC's keyword, "err" for 3.
func (s Severity) String() string { return keyword(severityNames[:], int(s)) }

// ParseSeverity reads a keyword, a common alias or a number from 0 to 7, in
// any case.
func ParseSeverity(text string) (Severity, bool) {
	text = strings.ToLower(text)
	if i, ok := keywordIndex(severityNames[:], text); ok {
		return Severity(i), true
	}
	if s, ok := severityAliases[text]; ok {
		return s, true
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return Severity(n), err == nil && n <= uint64(Debug)
}

// Facility is the kind of program that sent a message: 0 (kern) to 23
// (local7), RFC 5424, section 6.2.1.
type Facility uint8

// The facilities that Go code names; the others have only their number.
const (
	Kern   Facility = 0
	User   Facility = 1
	Daemon Facility = 3
	Syslog Facility = 5
	Local0 Facility = 16
	Local5 Facility = 21
	Local7 Facility = 23
)

var facilityNames = [...]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
	"uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

// String returns the keyword, "local5" for 21.
func (f Facility) String() string { return keyword(facilityNames[:], int(f)) }

// ParseFacility reads a keyword or a number from 0 to 23, in any case.
func ParseFacility(text string) (Facility, bool) {
	text = strings.ToLower(text)
	if i, ok := keywordIndex(facilityNames[:], text); ok {
		return Facility(i), true
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return Facility(n), err == nil && n < uint64(len(facilityNames))
}

// PRI is the number that syslog writes between angle brackets.
func PRI(f Facility, s Severity) int { return int(f)*8 + int(s) }
