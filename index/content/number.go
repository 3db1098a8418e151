package content

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Status is the status of the answer: 100 to 599.
func (m Message) Status() string {
	status := either(m.status, m.text, statusKeys)
	if len(status) != 3 || digits(status) != 3 || status[0] < '1' || status[0] > '5' {
		return ""
	}
	return status
}

// Bytes is the size of the answer, in digits without leading zeros.
func (m Message) Bytes() string {
	bytes := either(m.bytes, m.text, bytesKeys)
	if !isNumber(bytes) {
		return ""
	}
	return bytes
}

// Took is how long the request or the task took.
func (m Message) Took() (time.Duration, bool) { return m.duration(m.took, tookKeys) }

// UpstreamTook is how long the upstream's answer took.
func (m Message) UpstreamTook() (time.Duration, bool) {
	return m.duration(m.upstreamTook, upstreamTookKeys)
}

func (m Message) duration(read string, keys []string) (time.Duration, bool) {
	if read != "" {
		return ParseDuration(read)
	}
	key, value := pair(m.text, keys)
	if len(key) > 3 && strings.EqualFold(key[len(key)-3:], "_ms") && value != "" && isDigit(value[len(value)-1]) {
		ms, ok := parseDecimal(value)
		return seconds(ms / 1000), ok
	}
	return ParseDuration(value)
}

// ParseDuration reads a number of seconds, or numbers with the units h, m, s,
// ms, us and ns: "0.056", "200ms", "1m30s".
func ParseDuration(text string) (time.Duration, bool) {
	if text == "" || !isDigit(text[0]) && text[0] != '.' {
		return 0, false
	}
	if s, ok := parseDecimal(text); ok {
		return seconds(s), true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// parseDecimal reads a number such as 12, 0.5 or 1.5e-05.
func parseDecimal(text string) (float64, bool) {
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, false // neither hexadecimal nor infinite
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && n >= 0
}

// seconds is n seconds, or the longest time there is.
func seconds(n float64) time.Duration {
	n = math.Round(n * float64(time.Second))
	if n >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(n)
}

// isNumber tells whether s is a number in the only way to write it.
func isNumber(s string) bool {
	return s != "" && len(s) < 19 && digits(s) == len(s) && (s[0] != '0' || s == "0")
}
