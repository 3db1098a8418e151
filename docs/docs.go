// Package docs holds the documents of Tagtail and renders them for the page's
// help.
//
//	*.md → goldmark → a page of HTML, with the style of the page itself
//
// Raw HTML in a document is left out, and a link that leads out of this folder
// is text: a page links other documents and addresses of the web only. Start
// reading at Book.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed *.md
var files embed.FS

// index is the document that an empty name asks for.
const index = "README.md"

// Book is the documents as pages. Its zero value is ready, and may be used by
// several goroutines.
type Book struct {
	mu sync.Mutex
	// pages are those that were asked for, by name.
	pages map[string][]byte
}

// Page is the page of HTML of a document, by the name of its file, such as
// query-language.md; an empty name is the index. It returns false if there is
// no such document. The page may not be changed.
func (b *Book) Page(name string) ([]byte, bool) {
	if name == "" {
		name = index
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if page, ok := b.pages[name]; ok {
		return page, true
	}
	source, err := files.ReadFile(name)
	if err != nil {
		return nil, false
	}
	page, err := render(source)
	if err != nil {
		return nil, false
	}
	if b.pages == nil {
		b.pages = map[string][]byte{}
	}
	b.pages[name] = page
	return page, true
}

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(codeRenderer{}, 1))),
)

// part is a heading that the contents list.
type part struct{ ID, Title string }

func render(source []byte) ([]byte, error) {
	root := markdown.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(anchors{}))))
	title, parts := prepare(root, source)
	var body, page bytes.Buffer
	if err := markdown.Renderer().Render(&body, source, root); err != nil {
		return nil, fmt.Errorf("render document: %w", err)
	}
	err := layout.Execute(&page, map[string]any{
		"Title": title, "Parts": parts,
		"Body": template.HTML(body.String()), //nolint:gosec // made of our own documents, without their raw HTML
	})
	if err != nil {
		return nil, fmt.Errorf("lay document out: %w", err)
	}
	return page.Bytes(), nil
}

// prepare takes links out of the folder away, lets tables be scrolled by the
// keyboard, and returns the headings.
func prepare(root ast.Node, source []byte) (title string, parts []part) {
	var outward []*ast.Link
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // nothing in it fails
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			words := plain(n, source)
			if n.Level == 1 {
				title = words
			}
			if id, ok := n.AttributeString("id"); ok && n.Level == 2 {
				parts = append(parts, part{string(id.([]byte)), words})
			}
		case *ast.Link:
			if !isInside(string(n.Destination)) {
				outward = append(outward, n)
			}
		}
		if n.Kind().String() == "Table" {
			n.SetAttributeString("tabindex", []byte("0"))
		}
		return ast.WalkContinue, nil
	})
	for _, link := range outward {
		for child := link.FirstChild(); child != nil; child = link.FirstChild() {
			link.Parent().InsertBefore(link.Parent(), link, child)
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
	return title, parts
}

// isInside tells whether a link leads to another document, within this one, or
// to the web.
func isInside(target string) bool {
	if strings.HasPrefix(target, "https://") || strings.HasPrefix(target, "#") {
		return true
	}
	name, _, _ := strings.Cut(target, "#")
	_, err := files.Open(name)
	return err == nil && strings.HasSuffix(name, ".md")
}

// plain is the text of a node.
func plain(n ast.Node, source []byte) string {
	var out strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // nothing in it fails
		if t, ok := n.(*ast.Text); ok && entering {
			out.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

// anchors makes the ids of headings as code hosts do, so that links lead to the
// same place there and here.
type anchors struct{}

// Generate implements parser.IDs.
func (anchors) Generate(title []byte, _ ast.NodeKind) []byte { return []byte(Anchor(string(title))) }

// Put implements parser.IDs.
func (anchors) Put([]byte) {}

// Anchor is the id of a heading.
func Anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 0x80:
			return r
		default:
			return -1
		}
	}, strings.ToLower(title))
}

// saidBehind finds what an indented line says of the command or the search that
// it begins with: it stands behind two blanks.
var saidBehind = regexp.MustCompile(`^\S.*?( {2,}\S.*\n?)$`)

// codeRenderer writes blocks of code that the keyboard can scroll.
type codeRenderer struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (codeRenderer) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindCodeBlock, writeCode)
	r.Register(ast.KindFencedCodeBlock, writeCode)
}

func writeCode(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(`<pre tabindex="0"><code>`) // it keeps its error until Flush
		drawing := bytes.Contains(n.Lines().Value(source), []byte("│"))
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			code, said := line.Value(source), []byte(nil)
			if m := saidBehind.FindSubmatchIndex(code); m != nil && n.Kind() == ast.KindCodeBlock && !drawing {
				code, said = code[:m[2]], code[m[2]:]
			}
			_, _ = w.Write(util.EscapeHTML(code))
			if said != nil {
				_, _ = w.WriteString("<span>")
				_, _ = w.Write(util.EscapeHTML(said))
				_, _ = w.WriteString("</span>")
			}
		}
		_, _ = w.WriteString("</code></pre>\n")
	}
	return ast.WalkSkipChildren, nil
}

var layout = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{.Title}} · Tagtail</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="../static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="../static/css/theme.css">
<link rel="stylesheet" href="../static/css/document.css">
<script src="../static/js/first.js"></script>
</head>
<body>
<header class="top">
<a class="brand" href="../"><span class="brand-mark" aria-hidden="true"></span>Tagtail</a>
<nav aria-label="Documents"><a href="query-language.md">Query language</a><a href="./">All documents</a></nav>
</header>
{{if .Parts}}<nav class="contents" aria-label="On this page">{{range .Parts}}<a href="#{{.ID}}">{{.Title}}</a>{{end}}</nav>
{{end}}<main class="document">
{{.Body}}</main>
</body>
</html>
`))
