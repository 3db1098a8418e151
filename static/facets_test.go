package static

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// values is what a facet shows, as "err 14, info 9".
func values(facet string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[data-facet=%s] .facet-row')].map((row) => `+
		`row.querySelector('.facet-name').textContent + ' ' + row.querySelector('.facet-count').textContent).join(', ')`, facet)
}

func TestFacetsFollowTheSearch(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(220)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.Await(values("severity") + ` === 'info 110, debug 70, notice 20, err 10, warning 10' `)
	b.Await(values("host") + ` === 'dev-box 220'`)
	b.Shoot("facets-light")
	b.Scheme("dark")
	b.Shoot("facets-dark")

	b.Click(`[data-focus="severity err"]`)
	b.Await(`location.search === '?q=severity:err'`)
	// What else there is to choose stays, and the other facets count the choice.
	b.Await(values("severity") + ` === 'info 110, debug 70, notice 20, err 10, warning 10' && ` + values("app_name") + ` === 'dtserver_dev2 10'`)
	b.Await(`document.querySelector('[data-focus="severity err"]').getAttribute('aria-pressed') === 'true'`)
	b.Click(`[data-focus="severity warning"]`)
	b.Await(`location.search === '?q=severity:err,warning'`)
	b.Await(values("app_name") + ` === 'dtserver_dev2 10, socketserver_dev1 10'`)
	b.Shoot("facets-chosen")
	b.Click(`[data-focus="severity err"]`)
	b.Await(`location.search === '?q=severity:warning'`)
	b.Click(`[data-focus="severity warning"]`)
	b.Await(`location.search === ''`)

	b.Eval(`document.querySelector('[data-focus="severity debug"]').dispatchEvent(new MouseEvent('click', { altKey: true }))`)
	b.Await(`location.search === '?q=-severity:debug' && document.querySelector('.facet-row.excluded').textContent.includes('debug')`)
	b.Click(`[data-focus="severity debug…"]`)
	b.Await(`!menu.hidden && menu.textContent.includes('All but')`)
	b.Shoot("facets-menu")
	b.Click(`#menu button:nth-child(3)`)
	b.Await(`location.search === '?q=severity:debug'`)
}

func TestFacetsCountWhatArrivesAndAskNobody(t *testing.T) {
	s := newServer(t)
	s.add(traffic(22)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.Await(values("severity") + ` === 'info 11, debug 7, notice 2, err 1, warning 1'`)
	asked := s.times("facets")
	e := numbered(1, 5)
	e[4].Severity = "crit"
	s.add(e...)
	b.Await(values("severity") + ` === 'info 15, debug 7, notice 2, err 1, warning 1, crit 1'`)
	b.Await(values("app_name") + `.includes('app_dev1 5')`)
	if got := s.times("facets"); got != asked {
		t.Errorf("the server was asked %d times more", got-asked)
	}
}

func TestFacetsFoldForGoodAndShowMoreWhenAsked(t *testing.T) {
	s := newServer(t)
	entries := numbered(1, 30)
	for i := range entries {
		entries[i].AppName = fmt.Sprintf("app%02d", i%20)
		entries[i].Hostname = "box"
	}
	s.add(entries...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.Await(`document.querySelectorAll('[data-facet=app_name] .facet-row').length === 8`)
	b.Click(`[data-focus="app_name more"]`)
	b.Await(`document.querySelectorAll('[data-facet=app_name] .facet-row').length === 20`)
	b.Click(`[data-focus="host"]`)
	b.Await(`document.querySelector('[data-focus="host"]').getAttribute('aria-expanded') === 'false' && !document.querySelector('[data-facet=host] .facet-row')`)
	b.Go(s.URL)
	b.Await(`document.querySelectorAll('[data-facet=app_name] .facet-row').length === 8 && document.querySelectorAll('[data-facet=host] .facet-row').length === 0`)
	s.awaitAsked(t, "facets", "fields", "severity,app_name")
	b.Eval(`document.querySelector('[data-focus="host"]').focus()`)
	b.Key("\r")
	b.Await(`document.querySelectorAll('[data-facet=host] .facet-row').length === 1 && document.activeElement.dataset.focus === 'host'`)
}

func TestFacetsOfAPhoneAreAskedForWhenTheSheetOpens(t *testing.T) {
	s := newServer(t)
	s.instances = team()[:2]
	s.add(traffic(220)...)
	b := browsertest.Open(t, "zh-CN")
	b.Scheme("dark")
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	if got := s.times("facets") + s.times("histogram"); got != 0 {
		t.Errorf("the server was asked %d times for what a phone does not show", got)
	}
	b.Click("#bar-rail")
	b.Await(values("host") + ` === 'dev-box 220'`)
	b.Await(`document.querySelector('.facet-value').offsetHeight >= 44 && document.querySelector('.facet-menu').offsetWidth >= 44`)
	b.Eval(`rail.scrollTop = 250`)
	b.Shoot("facets-phone")
	if got := b.Eval("String(document.documentElement.scrollWidth)"); got != "390" {
		t.Errorf("the page is %s px wide, want 390", got)
	}
}
