package static

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestViewsAreSavedOpenedAndDeleted(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(120)...)
	s.views = []view{{"team", "all errors", "dev2", "?q=severity>=err"}}
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?q=slow&i=socketserver/dev1&from=1h")
	b.AwaitLine("slow query")
	b.Key("s")
	b.Await(`document.activeElement.id === 'view-name' && document.querySelectorAll('.view').length === 1`)
	b.Eval(`document.activeElement.value = ''`) // a synthetic key types although its keydown is cancelled
	b.Key("a/b\r")
	b.Await(`document.querySelector('.views-wrong').textContent.includes('no slash')`)
	b.Eval(`document.activeElement.value = ''`)
	b.Key("慢查询\r")
	b.Await(`toast.textContent === 'Saved as 慢查询' && !document.querySelector('#views-menu:popover-open')`)
	b.Click("#views")
	b.Await(`document.querySelectorAll('.view').length === 2`)
	b.Shoot("views-light")
	b.Click(`.view:last-child .view-open`)
	b.Await(`location.search === '?q=severity%3E%3Derr' || location.search === '?q=severity>=err' || new URLSearchParams(location.search).get('q') === 'severity>=err'`)
	b.Await(`new URLSearchParams(location.search).get('i') === null`)
	b.Click("#look-button")
	b.Click(`[data-look="host"]`)
	b.Key("\u001b")
	b.Await(`location.search.includes('cols=')`)
	b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.Await(`palette.open`)
	b.Key("慢查")
	b.Await(`document.querySelector('.offer[aria-selected=true]').textContent.includes('慢查询')`)
	b.Key("\r")
	b.Await(`location.search === '?q=slow&i=socketserver/dev1&from=1h'`) // and its columns, which are the usual
	b.Go(s.URL + "/s/all%20errors")
	b.Await(`q.value === 'severity>=err'`)
	b.Await(`new URLSearchParams(location.search).get('view') === null`)
	b.Scheme("dark")
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.Click("#views")
	b.Await(`document.querySelectorAll('.view').length === 2`)
	b.Shoot("views-phone-dark")
	b.Click(`.view:last-child .view-delete`)
	b.Await(`document.querySelectorAll('.view').length === 1`)
	if got := b.Eval("String(document.documentElement.scrollWidth)"); got != "390" {
		t.Errorf("the page is %s px wide, want 390", got)
	}
}
