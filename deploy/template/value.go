package template

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxValueBytes bounds one value.
const MaxValueBytes = 1024

// forbidden ends a directive, opens a block, quotes, or begins a comment or a
// variable, in nginx's syntax or in Redis's.
const forbidden = `;{}"'\$#`

// CheckValue tells what is wrong with a value that a developer may set: text
// that could become a second directive is refused for every key, and the keys
// that we know have a type of their own.
func CheckValue(key, value string) error {
	if len(value) > MaxValueBytes {
		return fmt.Errorf("%s: the value has %d bytes, more than %d", key, len(value), MaxValueBytes)
	}
	if !utf8.ValidString(value) {
		return fmt.Errorf("%s: value %q is not UTF-8", key, value)
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("%s: value %q has a forbidden control character", key, value)
		}
		if strings.ContainsRune(forbidden, r) {
			return fmt.Errorf("%s: value %q has a forbidden character: %c", key, value, r)
		}
	}
	if check, ok := checks[key]; ok {
		if want := check(value); want != "" {
			return fmt.Errorf("%s: value %q is not %s", key, value, want)
		}
	}
	return nil
}

// checks are the types of the keys that we know: each answers what the value
// should have been, or nothing.
var checks = map[string]func(string) string{
	"LISTEN":           checkListen,
	"PORT":             checkPort,
	"BIND":             checkBind,
	"SERVER_NAME":      checkServerName,
	"WORKER_PROCESSES": checkWorkers,
	"LUA_CODE_CACHE":   checkSwitch,
}

// ListenPort gives the port of a LISTEN value: "1081" or "127.0.0.1:1081".
func ListenPort(value string) (int, bool) {
	if host, port, found := cutLast(value, ":"); found {
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || addr.Is6() != strings.HasPrefix(host, "[") {
			return 0, false
		}
		value = port
	}
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || value[0] == '0' {
		return 0, false
	}
	return int(n), true
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func checkListen(value string) string {
	if _, ok := ListenPort(value); !ok {
		return "a port from 1 to 65535, or ADDRESS:PORT"
	}
	return ""
}

func checkPort(value string) string {
	if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 || value[0] == '0' {
		return "a port from 1 to 65535"
	}
	return ""
}

func checkBind(value string) string {
	const want = "a list of IP addresses with blanks between them"
	fields := strings.Fields(value)
	for _, f := range fields {
		// Redis: * and ::* are all addresses, a minus allows one to be absent.
		f = strings.TrimPrefix(f, "-")
		if f == "*" || f == "::*" {
			continue
		}
		if addr, err := netip.ParseAddr(f); err != nil || addr.Zone() != "" {
			return want
		}
	}
	if len(fields) == 0 {
		return want
	}
	return ""
}

func checkServerName(value string) string {
	const want = "a list of host names with blanks between them"
	fields := strings.Fields(value)
	for _, f := range fields {
		for _, r := range f {
			if r >= 0x80 || !isNameByte(byte(r), true) && !strings.ContainsRune("-.*", r) {
				return want
			}
		}
	}
	if len(fields) == 0 {
		return want
	}
	return ""
}

func checkWorkers(value string) string {
	if len(value) != 1 || value[0] < '1' || value[0] > '4' {
		return "a number from 1 to 4"
	}
	return ""
}

func checkSwitch(value string) string {
	if value != "on" && value != "off" {
		return "on or off"
	}
	return ""
}
