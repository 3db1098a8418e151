package file

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// Parts of a pattern that name the instance.
const (
	partService = "{service}"
	partOwner   = "{owner}"
)

// pattern is a path with wildcards, taken apart.
type pattern struct {
	text string
	root string   // the folder before the first wildcard; links in it are trusted
	rest []string // the parts below it, at least the file's name
}

func parsePattern(text string) (pattern, error) {
	p := pattern{text: text}
	if !strings.HasPrefix(text, "/") || path.Clean(text) != text || text == "/" {
		return p, fmt.Errorf("file %q: write an absolute path, such as /opt/hhl/{service}/{owner}/logs/*.log", text)
	}
	parts := strings.Split(text[1:], "/")
	fixed := 0
	for fixed < len(parts)-1 && !strings.ContainsAny(parts[fixed], `*?[{\`) {
		fixed++
	}
	p.root, p.rest = "/"+path.Join(parts[:fixed]...), parts[fixed:]
	for _, part := range p.rest {
		if part == partService || part == partOwner {
			continue
		}
		if strings.ContainsAny(part, "{}") {
			return p, fmt.Errorf("file %q: %q is neither {service} nor {owner}, which stand alone between slashes", text, part)
		}
		if _, err := path.Match(part, ""); err != nil {
			return p, fmt.Errorf("file %q: %q has a bracket without its end", text, part)
		}
	}
	if (p.part(partService) < 0) != (p.part(partOwner) < 0) {
		return p, fmt.Errorf("file %q: {service} and {owner} go together", text)
	}
	return p, nil
}

// part is where name is in rest, or -1.
func (p *pattern) part(name string) int {
	for i, part := range p.rest {
		if part == name {
			return i
		}
	}
	return -1
}

// match is a file that a pattern matches.
type match struct {
	path           string
	rel            []string // its parts below the root
	service, owner string
}

// each calls found for all regular files and whatever else has a name that
// matches, and folder for all folders on the way, before it looks into them;
// none is a symbolic link. Folders that cannot be read have no files.
func (p *pattern) each(found func(match), folder func(dir string)) {
	p.walk(p.root, nil, found, folder)
}

func (p *pattern) walk(dir string, above []string, found func(match), folder func(string)) {
	folder(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	part := p.rest[len(above)]
	last := len(above) == len(p.rest)-1
	for _, e := range entries {
		if !matchesPart(part, e.Name()) || !last && !e.IsDir() {
			continue
		}
		rel := append(above[:len(above):len(above)], e.Name())
		if !last {
			p.walk(path.Join(dir, e.Name()), rel, found, folder)
			continue
		}
		m := match{path: path.Join(dir, e.Name()), rel: rel}
		if i := p.part(partService); i >= 0 {
			m.service, m.owner = rel[i], rel[p.part(partOwner)]
		}
		found(m)
	}
}

func matchesPart(part, name string) bool {
	if part == partService || part == partOwner {
		return isInstancePart(name)
	}
	ok, err := path.Match(part, name)
	return ok && err == nil
}

// isInstancePart tells whether name can be part of an instance's name:
// ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$.
func isInstancePart(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// matches tells whether the pattern matches a path, without a look at the
// disk.
func (p *pattern) matches(name string) (match, bool) {
	below, ok := strings.CutPrefix(name, strings.TrimSuffix(p.root, "/")+"/")
	if !ok {
		return match{}, false
	}
	m := match{path: name, rel: strings.Split(below, "/")}
	if len(m.rel) != len(p.rest) {
		return match{}, false
	}
	for i, part := range p.rest {
		if !matchesPart(part, m.rel[i]) {
			return match{}, false
		}
	}
	if i := p.part(partService); i >= 0 {
		m.service, m.owner = m.rel[i], m.rel[p.part(partOwner)]
	}
	return m, true
}

// Matches tells whether an Input is of the file, whatever is on the disk.
func Matches(in *Input, name string) bool {
	p, err := parsePattern(in.Pattern)
	if err != nil {
		return false
	}
	_, ok := p.matches(name)
	return ok
}
