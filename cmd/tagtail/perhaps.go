package main

import (
	"errors"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// perhaps names the one of names that is nearest to what was written, if any is
// near.
func perhaps(written string, names []string) string {
	best, least := "", len(written)/3+1
	for _, name := range names {
		if d := distance(written, name); d <= least {
			if d < least || best == "" {
				best = name
			}
			least = d
		}
	}
	return best
}

// distance is how many letters have to be put in, taken out, changed or swapped
// with the next to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// meantKey is a line that says which keys there are where err found one that is
// not.
func meantKey(file []byte, err error) string {
	var unknown *yaml.UnknownFieldError
	if !errors.As(err, &unknown) {
		return ""
	}
	tree, err := parser.ParseBytes(file, 0)
	if err != nil {
		return ""
	}
	find := keyFinder{offset: unknown.Token.Position.Offset}
	for _, doc := range tree.Docs {
		ast.Walk(&find, doc)
	}
	t := reflect.TypeFor[config]()
	for _, key := range find.above {
		if t = structOf(keyType(t, key)); t == nil {
			return ""
		}
	}
	var names []string
	for _, field := range reflect.VisibleFields(t) {
		if name := field.Tag.Get("yaml"); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	if meant := perhaps(unknown.Token.Value, names); meant != "" {
		return "\nPerhaps it is " + meant + "; tagtail config lists all keys."
	}
	return "\ntagtail config lists all keys."
}

// keyType is the type of a key of t; t itself if it has none of that name, as
// for the names in a mapping.
func keyType(t reflect.Type, key string) reflect.Type {
	for _, field := range reflect.VisibleFields(t) {
		if field.Tag.Get("yaml") == key {
			return field.Type
		}
	}
	return t
}

// keyFinder finds the keys above the one at offset.
type keyFinder struct {
	offset int
	above  []string
}

// Visit looks at one node.
func (f *keyFinder) Visit(n ast.Node) ast.Visitor {
	pair, ok := n.(*ast.MappingValueNode)
	if !ok || pair.Key.GetToken().Position.Offset != f.offset {
		return f
	}
	path := strings.Split(strings.TrimPrefix(pair.GetPath(), "$."), ".")
	for _, key := range path[:len(path)-1] {
		key, _, _ = strings.Cut(key, "[")
		f.above = append(f.above, key)
	}
	return nil
}
