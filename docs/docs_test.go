package docs

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func TestEveryDocumentIsAPage(t *testing.T) {
	var book Book
	names, err := fs.Glob(files, "*.md")
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	list, ok := book.Page("")
	if !ok {
		t.Fatal("there is no index")
	}
	for _, name := range names {
		page, ok := book.Page(name)
		if !ok || !strings.Contains(string(page), "<h1 ") {
			t.Errorf("%s: %t\n%s", name, ok, page)
		}
		if strings.Contains(string(page), "&lt;&lt;&lt;&lt;&lt;&lt;&lt;") {
			t.Errorf("%s has been merged by half", name)
		}
		// The content policy would refuse these.
		if found := regexp.MustCompile(`<script>|<img| style=| on[a-z]+="`).FindString(string(page)); found != "" {
			t.Errorf("%s has %q", name, found)
		}
		if name != index && !strings.Contains(string(list), `href="`+name+`"`) {
			t.Errorf("the index does not have %s", name)
		}
		again, _ := book.Page(name)
		if &again[0] != &page[0] {
			t.Errorf("%s is rendered again", name)
		}
	}
	for _, name := range []string{"nosuch.md", "docs.go", "../README.md", "decisions/0001-libraries.md", "/page.md"} {
		if _, ok := book.Page(name); ok {
			t.Errorf("there is a page %s", name)
		}
	}
}

func TestLinksOfPagesLeadToPagesAndHeadings(t *testing.T) {
	var book Book
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		page, _ := book.Page(name)
		for _, m := range regexp.MustCompile(`<a href="([^"]*)"`).FindAllStringSubmatch(string(page), -1) {
			target, heading, _ := strings.Cut(m[1], "#")
			switch {
			case strings.HasPrefix(target, "https://") || target == "../" || target == "./":
				continue
			case target == "":
				target = name
			}
			other, ok := book.Page(target)
			if !ok || heading != "" && !strings.Contains(string(other), ` id="`+heading+`"`) {
				t.Errorf("%s links %s, which leads nowhere", name, m[1])
			}
		}
	}
}

func TestWhatADocumentSaysIsEscaped(t *testing.T) {
	page, err := render([]byte("# A <b>title</b> & more\n\n<script>alert(1)</script>\n\n    a < b && c  <i>why</i>\n\n[out](javascript:alert(1)) [up](../go.mod) [page](page.md#looks)\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script>alert", "javascript:", "../go.mod", "<b>"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, good := range []string{"a &lt; b &amp;&amp; c<span>  &lt;i&gt;why", "out up <a href=\"page.md#looks\">page</a>", "<title>A title &amp; more · Tagtail</title>"} {
		if !strings.Contains(string(page), good) {
			t.Errorf("the page lacks %q:\n%s", good, page)
		}
	}
}
