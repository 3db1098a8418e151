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
	"embed"
	"io/fs"
)

//go:embed index.html login.html icon.svg css/*.css js/*.js js/*/*.js
var files embed.FS

// Files are index.html and login.html, to be served at the root, and what the
// two load from /static/: icon.svg, css/ and js/.
func Files() fs.FS { return files }
