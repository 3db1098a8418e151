package static

import (
	"testing"
	"time"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestContextShowsTheNeighboursWithoutTheFilter(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(400)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?q=slow")
	b.AwaitLine("slow query")
	b.Key("kkkc")
	b.Await(`document.querySelectorAll('.context-line').length === 21 && document.querySelector('.context-line[aria-current]').textContent.includes('slow query')`)
	b.Await(`[...document.querySelectorAll('.context-line')].some((line) => line.textContent.includes('ws frame'))`)
	b.Shoot("context-light")
	b.Click(`[data-more=older]`)
	b.Await(`document.querySelectorAll('.context-line').length === 71`)
	b.Click(`[data-more=newer]`)
	b.Await(`document.querySelectorAll('.context-line').length > 71 && document.querySelectorAll('.context-line[aria-current]').length === 1`)
	b.Eval(`String(document.querySelector('li:nth-child(3) .context-line').click())`)
	b.Await(`drawer.querySelector('[data-tab=details]').ariaSelected === 'true' && !drawer.querySelector('.message').textContent.includes('slow query')`)
	b.Key("c")
	b.Await(`document.querySelector('li:nth-child(3) .context-line').ariaCurrent === 'true'`)
	b.Scheme("dark")
	b.Shoot("context-dark")
}

func TestDetailsShowJSONAsATreeAndTheRawForm(t *testing.T) {
	s := newServer(t)
	e := numbered(1, 1)[0]
	e.Received = time.Date(2026, 9, 1, 10, 42, 31, 0, time.UTC)
	e.Message = `{"user":"开发","ok":true,"deep":{"list":[1,{"say":"\"hi\" <b>"}]}}`
	pairs := e
	pairs.Message = `level=info msg="all is well" took=3ms`
	s.add(e, pairs)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("all is well")
	b.Key("k\r")
	b.Await(`[...drawer.querySelectorAll('.tree .value')].map((value) => value.textContent).join() === 'info,all is well,3ms'`)
	b.Key("k")
	b.Await(`[...drawer.querySelectorAll('.tree .value')].map((value) => value.textContent).join() === '开发,true,1,"hi" <b>'`)
	b.Click(`.raw summary`)
	b.Await(`JSON.parse(drawer.querySelector('.raw pre').textContent).seq === 1`)
	b.Shoot("tree")
	b.Click(`.tree .value`)
	b.Await(`!menu.hidden`)
	b.Eval(`String(menu.children[3].click())`)
	b.Await(`new URLSearchParams(location.search).get('q') === '-"开发"'`)
	b.AwaitLine("all is well")
}
