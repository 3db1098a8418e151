package static

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestChipsTakeOutExactlyTheirPart(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?q=用户 -severity:info 用户 -level=err&i=httpserver/dev3")
	b.Await(`document.querySelectorAll('.chip').length === 4 && chips.textContent.includes('did you mean severity:err?')`)
	b.Shoot("chips")
	q := func(want string) {
		t.Helper()
		b.Await(`new URLSearchParams(location.search).get('q') === '` + want + `' && q.value === '` + want + `'`)
	}
	b.Click(`.chip .link`)
	q("用户 -severity:info 用户 -severity:err")
	b.Await(`document.querySelectorAll('.chip.field').length === 2`)
	b.Click(`.chip:nth-child(2) .plain`)
	q("用户 用户 -severity:err")
	b.Await(`document.querySelectorAll('.chip').length === 3`)
	b.Click(`.chip:nth-child(3) .plain`)
	q("用户 用户")
	b.Await(`document.querySelectorAll('.chip').length === 2`)
	b.Click(`.chip:nth-child(2) .plain`)
	q("用户")
	b.AwaitLine("用户")
}

func TestASearchWithoutHitsSaysWhichPartHasSome(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?q=slow+nowhere+severity:warning&i=*")
	b.Await(`[...document.querySelectorAll('.alone li')].map((row) => row.innerText.replace(/\s+/g, ' ')).join() === 'slow 3 matches,nowhere 0 matches,severity:warning 3 matches'`)
	b.Shoot("empty-parts")
	b.Click(".alone .link")
	b.AwaitLine("slow query")
	b.Await(`q.value === 'slow' && notice.hidden`)
}

func TestBoxOffersFieldsValuesAndPastSearches(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(220)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	enter := func() {
		b.Eval(`String(q.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true })))`)
	}
	b.Click("#q")
	b.Key("sev")
	b.Await(`document.querySelector('.option')?.textContent.startsWith('severity')`)
	b.Shoot("offers-fields")
	b.Key("\t")
	b.Await(`q.value === 'severity:' && document.querySelector('.option').textContent === 'info110'`)
	b.Shoot("offers-values")
	b.Key("e")
	b.Await(`document.querySelectorAll('.option').length > 1 && document.querySelector('.option').textContent.startsWith('err')`)
	b.Do(chromedp.KeyEvent(kb.ArrowDown))
	b.Await(`document.getElementById(q.getAttribute('aria-activedescendant')).textContent.startsWith('err')`)
	enter() // a synthetic key submits although its keydown is cancelled
	b.Await(`q.value === 'severity:err ' && offers.hidden && q.getAttribute('aria-expanded') === 'false'`)
	b.Key("\r")
	b.Await(`location.search === '?q=severity:err'`)
	// What is typed whole is searched by Enter, whatever is offered.
	b.Click("#q")
	b.Eval("q.select()")
	b.Key("severity:warn\r")
	b.Await(`location.search === '?q=severity:warn' && offers.hidden`)
	b.Click("#q")
	b.Await(`document.querySelectorAll('.option').length === 3 && document.querySelector('.option-text').textContent === 'severity:warn'`)
	b.Shoot("offers-past")
	b.Click(`.option button`)
	b.Await(`document.querySelectorAll('.option').length === 2`)
	b.Key("\u001b")
	b.Await(`offers.hidden && document.activeElement === q`)
	b.Key("\u001b")
	b.Await(`document.activeElement === scroller`)
	b.Click("#q")
	b.Do(chromedp.KeyEvent(kb.ArrowDown))
	enter()
	b.Await(`location.search === '?q=severity:err'`)
}
