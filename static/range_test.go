package static

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestRangeIsTypedChosenOrPicked(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(spread(3)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	inZone(b, "Asia/Colombo")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	open := func() {
		t.Helper()
		b.Click("#range")
		b.Await(`document.querySelector('#range-form').matches(':popover-open') && document.activeElement.id === 'range-typed'`)
	}
	open()
	b.Shoot("range-light")
	b.Key("2026-09-01 10:42")
	b.Await(`document.querySelector('#range-read').textContent === '2026-09-01 10:42 – 10:43 UTC+5:30'`)
	b.Key("\r")
	b.Await(`location.search === '?from=2026-09-01T05:12:00.000Z&to=2026-09-01T05:13:00.000Z'`)
	b.Await(`range.textContent.endsWith('09-01 10:42 – 10:43 UTC+5:30')`)
	b.Await(`!document.querySelector('#range-form').matches(':popover-open') && document.activeElement.id !== 'range-typed'`)

	open()
	b.Await(`document.querySelector('#range-from').value.slice(0, 16) === '2026-09-01T10:42'`)
	b.Eval(`document.querySelector('#range-to').value = '2026-09-01T12:00:05'`)
	b.Click("#range-custom .button")
	b.Await(`location.search === '?from=2026-09-01T05:12:00.000Z&to=2026-09-01T06:30:05.000Z'`)

	open()
	b.Key("nonsense")
	b.Await(`document.querySelector('#range-read').classList.contains('wrong')`)
	b.Key("\r")
	b.Shoot("range-wrong")
	b.Key("\u001b")
	b.Await(`!document.querySelector('#range-form').matches(':popover-open') && document.activeElement.id === 'range'`)

	open()
	b.Key("\t")
	b.Key("\u0301\u0301") // the down arrow
	b.Key("\r")
	b.Await(`location.search === '?from=1h' && range.textContent === 'Last hour'`)
	s.awaitAsked(t, "search", "from", "1h")
}

func TestRangeFollowsTheZone(t *testing.T) {
	s := newServer(t)
	e := numbered(1, 1)
	e[0].Received = time.Date(2026, 9, 1, 5, 12, 30, 0, time.UTC)
	s.add(e...)
	b := browsertest.Open(t, "en")
	b.Scheme("dark")
	inZone(b, "Asia/Colombo")
	b.Go(s.URL + "/?from=2026-09-01T05:12:00Z&to=2026-09-01T05:13:00Z")
	b.AwaitLine("line 1")
	b.Await(`range.textContent.endsWith('10:42 – 10:43 UTC+5:30')`)
	b.Click("#range")
	b.Click(`[data-zone="server"]`)
	b.Await(`document.querySelector('#range-from').value.slice(0, 16) === '2026-09-01T14:12' && range.textContent.endsWith('14:12 – 14:13 UTC+9')`)
	b.Await(`document.querySelector('.c-time').textContent.includes('14:12:30') && document.querySelector('.histogram-axis').textContent.includes('14:12')`)
	b.Await(`location.search.endsWith('&tz=server') && document.activeElement.dataset.zone === 'server'`)
	b.Shoot("range-dark")
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.Await(`document.querySelector('#range-form').getBoundingClientRect().right <= 390`)
	b.Shoot("range-phone")
	if got := b.Eval("String(document.documentElement.scrollWidth)"); got != "390" {
		t.Errorf("the page is %s px wide, want 390", got)
	}
}
