package static

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/docs"
	"github.com/tagtail/tagtail/static/browsertest"
)

// newDocuments serves the help beside the files of the page.
func newDocuments(t *testing.T) string {
	t.Helper()
	book := new(docs.Book)
	mux := http.NewServeMux()
	mux.Handle("/static/", http.StripPrefix("/static/", http.FileServerFS(Files())))
	mux.HandleFunc("/help/{name...}", func(w http.ResponseWriter, r *http.Request) {
		page, ok := book.Page(r.PathValue("name"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; img-src 'self' data:")
		_, _ = w.Write(page) // the browser is there, or the test fails
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestTheHelpLeadsToTheDocuments(t *testing.T) {
	s := newServer(t)
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/")
	b.Await(`rail.querySelector('button')`)
	b.Key("?")
	b.Await(`help.open`)
	if got := b.Eval(`[...help.querySelectorAll('a')].map((a) => a.getAttribute('href')).join()`); got != "help/query-language.md,help/developers.md,help/" {
		t.Errorf("the help links %s", got)
	}
}

func TestDocumentsAreReadableInEveryThemeAndOnAPhone(t *testing.T) {
	address := newDocuments(t)
	b := browsertest.Open(t, "en")
	b.Do(chromedp.EmulateViewport(1280, 800))
	a := newAuditor(t, b)
	for _, name := range []string{"", "query-language.md", "configuration.md", "developers.md"} {
		state := "help-" + strings.TrimSuffix(name, ".md")
		b.Go(address + "/help/" + name)
		b.Await(`document.querySelector('.document h1')`)
		a.themes(state)
		for _, scheme := range []string{"light", "dark"} {
			b.Scheme(scheme)
			b.Shoot(state + "-" + scheme)
		}
		b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
		b.Shoot(state + "-phone")
		if wide := b.Eval(`String(document.documentElement.scrollWidth)`); wide != "390" {
			t.Errorf("%s is %s pixels wide on a phone", state, wide)
		}
		b.Do(chromedp.EmulateViewport(1280, 800))
	}
	// A link leads to its heading, below what stays at the top.
	b.Go(address + "/help/developers.md")
	b.Click(`.top a[href="query-language.md"]`)
	b.Await(`document.title.startsWith('Searching')`)
	b.Go(address + "/help/configuration.md#keys-of-rate_limit")
	b.Await(`document.getElementById('keys-of-rate_limit').getBoundingClientRect().top >= 44`)
}
