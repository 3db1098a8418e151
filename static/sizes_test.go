package static

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestALargeTeamIsFoldedBelowOnesOwn(t *testing.T) {
	s := newServer(t)
	s.instances, s.me = crowd(), "dev7"
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/?i=redis/dev9")
	own := `[...document.querySelectorAll('.rail-row')].map((row) => row.querySelector('button').dataset.focus).join()`
	b.Await(own + ` === '*,dtserver/dev7,httpserver/dev7,redis/dev7,socketserver/dev7,redis/dev9'`)
	b.Click(".rail-team button")
	b.Await(`document.querySelectorAll('.rail-row').length === 201`)
	b.Go(s.URL)
	b.Await(`document.querySelectorAll('.rail-row').length === 201`)
}

func TestRailFoldsToDotsAndTheDrawerIsResizedForGood(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	// The name that every team has is whole.
	b.Await(`[...document.querySelectorAll('.rail-text')].every((name) => name.scrollWidth <= name.clientWidth)`)
	b.Key("b")
	b.Await(`rail.offsetWidth === 44 && [...rail.querySelectorAll('.dot')].every((dot) => dot.getBoundingClientRect().right < 44)`)
	b.Shoot("rail-folded")
	b.Key("k\r")
	b.Await(`!drawer.hidden`)
	before := b.Eval(`drawer.offsetWidth`)
	b.Eval(`document.querySelector('.drawer-edge').focus()`)
	b.Key(kb.ArrowLeft)
	b.Await(`drawer.offsetWidth === 24 + ` + before)
	b.Go(s.URL + "/?wrap=two")
	b.AwaitLine("uid=48")
	b.Key("k\r")
	b.Await(`!drawer.hidden && drawer.offsetWidth === 24 + ` + before + ` && rail.offsetWidth === 44`)
	b.Click("#rail-fold")
	b.Await(`rail.offsetWidth === 256`)
}
