package viewer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

type object = map[string]any

// apiDocument is openapi.json, decoded once.
var apiDocument = sync.OnceValue(func() object {
	var doc object
	if err := json.Unmarshal(openAPIDocument, &doc); err != nil {
		panic(err)
	}
	return doc
})

func TestOpenAPIAndRoutesAreTheSame(t *testing.T) {
	s := listenTest(t, testConfig(t, newFakeLogs(0)))
	var routed, documented []string
	for _, r := range s.routes() {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.path, "{$1}")
		rest := "{file}"
		if r.path == "/i/*" {
			rest = "{instance}"
		}
		routed = append(routed, r.method+" "+strings.ReplaceAll(path, "*", rest))
	}
	for path, item := range apiDocument()["paths"].(object) {
		for method := range item.(object) {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(routed)
	slices.Sort(documented)
	if diff := cmp.Diff(routed, documented); diff != "" {
		t.Errorf("routes and openapi.json differ (-routes +document):\n%s", diff)
	}
}

func TestOpenAPIReferencesAndParametersExist(t *testing.T) {
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case object:
			if name, ok := v["$ref"].(string); ok && resolve(v) == nil {
				t.Errorf("%s refers to %s, which does not exist", at, name)
			}
			for key, kid := range v {
				walk(at+"/"+key, kid)
			}
		case []any:
			for i, kid := range v {
				walk(fmt.Sprint(at, "/", i), kid)
			}
		}
	}
	walk("", apiDocument())
	for path, item := range apiDocument()["paths"].(object) {
		for _, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
			for method, op := range item.(object) {
				if !declares(op.(object), name[1]) {
					t.Errorf("%s %s does not declare its parameter %s", method, path, name[1])
				}
			}
		}
	}
}

func declares(op object, name string) bool {
	params, _ := op["parameters"].([]any)
	return slices.ContainsFunc(params, func(p any) bool {
		return p.(object)["name"] == name && p.(object)["in"] == "path" && p.(object)["required"] == true
	})
}

func TestOpenAPIListsEveryKindOfEvidence(t *testing.T) {
	var want []any
	for by := index.ByNothing; by.String() != "unknown"; by++ {
		want = append(want, by.String())
	}
	entry := resolve(object{"$ref": "#/components/schemas/Entry"})
	got := entry["properties"].(object)["instance_by"].(object)["enum"]
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("instance_by (-want +got):\n%s", diff)
	}
}

func TestOpenAPIIsServedWithoutLogin(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.do(t, "GET", "/api/v1/openapi.json", "")
	if got.status != 200 || string(got.body) != string(openAPIDocument) {
		t.Errorf("got %d and %d bytes, want the document of %d", got.status, len(got.body), len(openAPIDocument))
	}
}

// checkDocumented holds an answer to the document: the status must be there,
// and the body must have the keys and types of its schema. Paths that are not
// routed are not documented either.
func checkDocumented(t *testing.T, method, path string, a answerOf) {
	t.Helper()
	op := operation(method, path)
	if op == nil || len(a.body) == 0 {
		return
	}
	res, ok := op["responses"].(object)[strconv.Itoa(a.status)].(object)
	if !ok {
		t.Errorf("%s %s answers %d, which is not documented: %.200s", method, path, a.status, a.body)
		return
	}
	for ctype, content := range resolve(res)["content"].(object) {
		if !strings.HasSuffix(ctype, "json") || strings.HasSuffix(ctype, "ndjson") {
			continue // is not one value
		}
		if got := a.header.Get("Content-Type"); got != ctype {
			t.Errorf("%s %s has content type %q, want %q", method, path, got, ctype)
		}
		if a.header.Get("Content-Encoding") != "" {
			return
		}
		var v any
		a.decode(t, &v)
		checkSchema(t, method+" "+path, content.(object)["schema"].(object), v)
	}
}

// operation finds what is documented for a request; nil if it is nothing.
func operation(method, path string) object {
	paths := apiDocument()["paths"].(object)
	for template, item := range paths {
		pattern := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(template, `[^/]+`)
		if op, ok := item.(object)[strings.ToLower(method)].(object); ok && regexp.MustCompile("^"+pattern+"$").MatchString(path) {
			return op
		}
	}
	return nil
}

// resolve follows a reference.
func resolve(v object) object {
	name, ok := v["$ref"].(string)
	if !ok {
		return v
	}
	at := apiDocument()
	for _, key := range strings.Split(strings.TrimPrefix(name, "#/"), "/") {
		if at, ok = at[key].(object); !ok {
			return nil
		}
	}
	return at
}

// checkSchema checks the part of JSON Schema that openapi.json uses. A key
// that the schema does not know is an error too.
func checkSchema(t *testing.T, at string, schema object, v any) {
	t.Helper()
	schema = resolve(schema)
	if want, ok := schema["const"]; ok && v != want {
		t.Errorf("%s is %v, want %v", at, v, want)
	}
	if allowed, ok := schema["enum"].([]any); ok && !slices.Contains(allowed, v) {
		t.Errorf("%s is %v, want one of %v", at, v, allowed)
	}
	switch schema["type"] {
	case "object":
		o, ok := v.(object)
		if !ok {
			t.Errorf("%s is %v, want an object", at, v)
			return
		}
		checkObject(t, at, schema, o)
	case "array":
		list, ok := v.([]any)
		if !ok {
			t.Errorf("%s is %v, want an array", at, v)
		}
		for i, item := range list {
			checkSchema(t, fmt.Sprintf("%s[%d]", at, i), schema["items"].(object), item)
		}
	case "string":
		if _, ok := v.(string); !ok {
			t.Errorf("%s is %v, want a string", at, v)
		}
	case "integer", "number":
		if n, ok := v.(float64); !ok || schema["type"] == "integer" && n != float64(int64(n)) {
			t.Errorf("%s is %v, want a %v", at, v, schema["type"])
		}
	}
}

func checkObject(t *testing.T, at string, schema, o object) {
	t.Helper()
	required, _ := schema["required"].([]any)
	for _, key := range required {
		if _, ok := o[key.(string)]; !ok {
			t.Errorf("%s has no %s: %v", at, key, o)
		}
	}
	properties, ok := schema["properties"].(object)
	for key, value := range o {
		if property, known := properties[key].(object); known {
			checkSchema(t, at+"."+key, property, value)
		} else if ok {
			t.Errorf("%s has %s, which is not documented", at, key)
		}
	}
}
