package static

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestPaletteFindsCommandsAndInstancesByName(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(50)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	open := func() {
		b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
		b.Await(`palette.open && document.activeElement.classList.contains('palette-box')`)
	}
	open()
	b.Shoot("palette")
	b.Key("red")
	b.Await(`document.querySelector('.offer[aria-selected=true]').textContent.includes('redis/dev1')`)
	b.Key("\r")
	b.Await(`location.search === '?i=redis/dev1' && !palette.open`)
	open()
	b.Key("pause")
	b.Key("\r")
	b.Await(`pulse.classList.contains('is-paused')`)
	open()
	b.Key("no such thing")
	b.Await(`palette.textContent.includes('Nothing here')`)
	b.Key("\u001b")
	b.Await(`!palette.open`)
}
