package content

import "strings"

// The keys under which programs write what the fields mean, in lower case.
var (
	connKeys      = []string{"conn", "connection"}
	clientKeys    = []string{"client", "client_ip", "remote_addr", "remote_ip", "ip", "addr"}
	serverKeys    = []string{"server", "server_name"}
	upstreamKeys  = []string{"upstream", "upstream_addr"}
	hostKeys      = []string{"http_host", "host"}
	referrerKeys  = []string{"referer", "referrer", "http_referer"}
	agentKeys     = []string{"user_agent", "http_user_agent", "ua"}
	requestIDKeys = []string{"request_id", "req_id", "requestid", "reqid", "req", "rid", "x_request_id"}
	methodKeys    = []string{"method", "request_method", "http_method"}
	pathKeys      = []string{"path", "uri", "request_uri", "url"}
	statusKeys    = []string{"status", "status_code", "http_status"}
	bytesKeys     = []string{"bytes", "bytes_sent", "body_bytes_sent"}
	tookKeys      = []string{
		"took", "duration", "latency", "elapsed", "request_time", "response_time", "rt",
		"took_ms", "duration_ms", "latency_ms", "elapsed_ms", "request_time_ms", "response_time_ms",
	}
	upstreamTookKeys = []string{"upstream_response_time", "urt"}
)

// pair returns the first pair of text that has one of the keys and a value:
// key=value, key="a value", or "key": value of a JSON object, at any depth. A
// parameter of a URL is no pair of the message.
func pair(text string, keys []string) (key, value string) {
	at := strings.IndexByte(text, '=')
	for at >= 0 {
		if key := keyBefore(text[:at]); key != "" && isOneOf(key, keys) {
			if value := valueAt(text[at+1:]); value != "" {
				return key, value
			}
		}
		next := strings.IndexByte(text[at+1:], '=')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	if strings.IndexByte(text, '{') < 0 {
		return "", ""
	}
	for at = 0; ; {
		next := strings.Index(text[at:], "\":")
		if next < 0 {
			return "", ""
		}
		at += next + 2
		open := strings.LastIndexByte(text[:at-2], '"')
		if open < 0 || !isOneOf(text[open+1:at-2], keys) {
			continue
		}
		if value := valueAt(strings.TrimLeft(text[at:], " \t\n\r")); value != "" && value != "null" {
			return text[open+1 : at-2], value
		}
	}
}

// keyBefore returns the key that ends text, "" if there is none.
func keyBefore(text string) string {
	const longest = 32
	start := len(text)
	for start > 0 && (isAlphanumeric(text[start-1]) || text[start-1] == '_') {
		start--
		if len(text)-start > longest {
			return ""
		}
	}
	if start > 0 && strings.IndexByte(" \t\n,;|([{\"'", text[start-1]) < 0 {
		return ""
	}
	return text[start:]
}

// valueAt returns the value that text begins with.
func valueAt(text string) string {
	if text == "" {
		return ""
	}
	if quote := text[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case quote:
				return noDash(text[1:i])
			}
		}
		return text[1:]
	}
	end := 0
	for end < len(text) && !isSpace(text[end]) && strings.IndexByte(",;|)]}\"'{[(", text[end]) < 0 {
		end++
	}
	return noDash(text[:end])
}

// isOneOf compares without regard to ASCII case.
func isOneOf(key string, keys []string) bool {
	for _, known := range keys {
		if len(key) == len(known) && strings.EqualFold(key, known) {
			return true
		}
	}
	return false
}
