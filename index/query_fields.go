package index

import "slices"

// FieldInfo is one name that a search text can ask about, for completion.
type FieldInfo struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	// Kind says how values are compared: "id" whole; "name" and "text" any
	// part; "ordered" also by > and a..b; "flag" one of Values; "time" bounds
	// when an entry came; "option" selects nothing.
	Kind string `json:"kind"`
	// Example is a term that asks for the field.
	Example string `json:"example"`
	// Facet is the name under which Facets counts its values, "" if it does not.
	Facet string `json:"facet,omitempty"`
	// Values are all there are, or those that are often asked for.
	Values []string `json:"values,omitempty"`
}

var fieldKindNames = [...]string{
	idKind: "id", nameKind: "name", textKind: "text", orderedKind: "ordered", flagKind: "flag", timeKind: "time", optionKind: "option",
}

// fieldFacets are the facets that are called otherwise than their field.
var fieldFacets = map[string]string{"tag": "app_name", "pid": "proc_id"}

// fieldExamples has a term for every field that means something here.
var fieldExamples = map[string]string{
	"instance": "instance:redis/dev1", "service": "service:redis", "owner": "owner:dev1", "host": "host:web1", "tag": "tag:nginx",
	"severity": "severity>=err", "facility": "facility:local0", "pid": "pid:31497", "msg_id": "msg_id:ID47", "msg": `msg:"timed out"`,
	"sd": "sd:origin", "input": "input:udp", "format": "format:rfc5424", "instance_by": "instance_by:token", "seq": "seq:100..200",
	"kind": "kind:nginx-error", "conn": "conn:4139", "req": "req:9f3c21", "client": "client:10.0.0.0/8", "method": "method:POST",
	"path": "path:/api/", "http_host": "http_host:example.org", "ua": "ua:curl", "referer": "referer:example.org",
	"upstream": "upstream:127.0.0.1:8080", "server": "server:example.org", "status": "status:5xx", "bytes": "bytes>=10k", "took": "took>1.5s",
	"file": "file:main.lua:12", "line": "line:12", "is": "is:error", "has": "has:trace", "deploy": "deploy:43", "last": "last:15m", "since": "since:10:42",
	"after": "after:2026-09-01", "before": "before:2026-09-01", "time": "time:10:00..11:00", "limit": "limit:200",
}

// fieldValues are offered for the fields whose values do not depend on what was
// logged.
var fieldValues = map[string][]string{
	"severity": severityNames[:], "facility": facilityNames[:], "kind": kindNames[:],
	"status": {"5xx", "4xx", "3xx", "2xx", "500", "502", "503", "504", "404", "403", "401"},
	"method": {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"},
	"is":     append([]string{"error", "deploy", "trace", "access", "slow"}, flagNames[:]...),
	"has":    {"trace", "file", "req", "redis", "url", "json"},
	"deploy": {"last", "last~1"},
	"since":  {"deploy", "1h", "today"},
	"last":   {"15m", "1h", "6h", "24h", "7d"},
}

// Fields lists the names that a search text knows, in the order of the
// grammar, without those that are only there to be ignored.
func Fields() []FieldInfo {
	counted := FacetFields()
	var infos []FieldInfo
	for _, f := range fields {
		if f.kind == ignoredKind {
			continue
		}
		info := FieldInfo{Name: f.name, Aliases: slices.Clone(f.aliases), Kind: fieldKindNames[f.kind], Example: fieldExamples[f.name]}
		if info.Aliases == nil {
			info.Aliases = []string{}
		}
		facet := f.name
		if other, ok := fieldFacets[f.name]; ok {
			facet = other
		}
		if slices.Contains(counted, facet) {
			info.Facet = facet
		}
		info.Values = slices.Clone(fieldValues[f.name])
		infos = append(infos, info)
	}
	return infos
}
