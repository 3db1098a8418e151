package static

import (
	"testing"

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
