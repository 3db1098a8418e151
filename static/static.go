// Package static holds the web page: plain ES modules and style sheets that
// the browser loads as they are, without a build step.
//
//	index.html → js/app.js → store, feed, list and the views
//
// Everything a message says reaches the page as text nodes only. All
// addresses in the files are relative, so the page works below any path. The
// package knows nothing of the server but the HTTP API. Start reading at
// js/app.js, then js/feed.js.
package static

import (
	"bytes"
	"embed"
	"io/fs"
	"path"
)

//go:embed index.html login.html icon.svg css/*.css js/*.js js/*/*.js
var files embed.FS

// Files are index.html and login.html, to be served at the root, and what the
// two load from /static/: icon.svg, css/ and js/. fs.ReadFile leaves the comments
// of scripts out, which are a third of what a browser would have to wait for.
func Files() fs.FS { return site{files} }

// site is the files as browsers get them. Only ReadFile knows of that.
type site struct{ embed.FS }

// ReadFile implements fs.ReadFileFS.
func (s site) ReadFile(name string) ([]byte, error) {
	data, err := s.FS.ReadFile(name)
	if path.Ext(name) == ".js" {
		data = withoutComments(data)
	}
	return data, err
}

// withoutComments empties the lines that are nothing but comment. The others
// keep their numbers.
func withoutComments(script []byte) []byte {
	var out []byte
	comment, template := false, false
	for line := range bytes.Lines(script) {
		text := bytes.TrimSpace(line)
		switch {
		case template:
		case comment:
			comment = !bytes.HasSuffix(text, []byte("*/"))
			line = []byte("\n")
		case bytes.HasPrefix(text, []byte("//")):
			line = []byte("\n")
		case bytes.HasPrefix(text, []byte("/*")) && !bytes.Contains(text, []byte("*/")):
			comment = true
			line = []byte("\n")
		case bytes.HasPrefix(text, []byte("/*")) && bytes.Index(text, []byte("*/")) == len(text)-2:
			line = []byte("\n")
		}
		if bytes.Count(line, []byte("`"))%2 == 1 {
			template = !template
		}
		out = append(out, line...)
	}
	return out
}
