package static

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// inZone makes the browser one that is somewhere else.
func inZone(b *browsertest.Tab, name string) {
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: name})
		return err
	}))
}

func TestTimesAreInTheZoneThatIsChosen(t *testing.T) {
	s := newServer(t)
	e := numbered(1, 1)
	e[0].Received = time.Date(2026, 9, 1, 20, 30, 0, 0, time.UTC)
	s.add(e...)
	b := browsertest.Open(t, "en")
	inZone(b, "Asia/Colombo")
	b.Go(s.URL)
	b.AwaitLine("line 1")
	shows := func(row, head string) {
		t.Helper()
		b.Await(`document.querySelector('.c-time').textContent.startsWith('` + row + `') && zone.textContent === 'Time ` + head + `'`)
	}
	shows("09-02 02:00", "UTC+5:30")
	s.awaitAsked(t, "tail", "tz", "Asia/Colombo")
	s.awaitAsked(t, "count", "tz", "Asia/Colombo")
	b.Key("t")
	shows("09-01 20:30", "UTC")
	b.Await(`location.search === '?tz=UTC'`)
	b.Key("t")
	shows("09-02 05:30", "UTC+9")
	b.Await(`location.search === '?tz=server'`)
	b.Key("G\r")
	b.Await(`drawer.querySelector('time').textContent === '2026-09-02 05:30:00 +09:00'`)
	b.Go(s.URL)
	shows("09-02 05:30", "UTC+9") // it is remembered
	b.Key("t")
	shows("09-02 02:00", "UTC+5:30")
	b.Await(`location.search === ''`)
	b.Go(s.URL + "/?tz=UTC")
	shows("09-01 20:30", "UTC")
	b.Go(s.URL)
	shows("09-02 02:00", "UTC+5:30") // a link chooses for nobody
}

func TestAZoneSearchesAnewOnlyWhereTheTextHasTimes(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 3)...)
	b := browsertest.Open(t, "en")
	inZone(b, "Asia/Colombo")
	b.Go(s.URL + "/?q=line")
	b.AwaitLine("line 3")
	asked := s.times("tail")
	b.Key("t")
	b.Await(`zone.textContent === 'Time UTC'`)
	b.Go(s.URL + "/?q=line+last:1h")
	s.awaitAsked(t, "tail", "q", "line last:1h")
	if got := s.times("tail"); got != asked+1 {
		t.Errorf("%d tails were opened, want %d: none for the zone", got, asked+1)
	}
	b.AwaitLine("line 3")
	b.Key("tt")
	s.awaitAsked(t, "tail", "tz", "Asia/Colombo")
}
