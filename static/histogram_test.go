package static

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// spread is traffic over the last hours, with a burst of errors in the middle.
func spread(hours int) []entry {
	now := time.Now().UTC()
	all := traffic(60 * hours)
	for i := range all {
		back := time.Duration(len(all)-i) * time.Minute
		all[i].Received = now.Add(-back)
		if at := len(all) / 2; i > at && i < at+12 {
			all[i].Severity = "err"
		}
	}
	return all
}

// mouse sends one event of the left button.
func mouse(b *browsertest.Tab, kind input.DispatchMouseEventType, x, y float64) {
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1,
		})
		return err
	}))
}

// bars is true once the histogram is that of the list.
const bars = `histogram.querySelector('path').getAttribute('d') !== null && !histogram.classList.contains('old')`

// summary begins with what the histogram says to those who do not see it.
func summary(b *browsertest.Tab, end string) {
	b.Await(fmt.Sprintf(`%s && histogram.querySelector('svg').getAttribute('aria-label').endsWith(%q)`, bars, end))
}

func TestHistogramCountsAllMatchesBySeverity(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(spread(5)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	summary(b, ": 300 entries, 24 errors")
	b.Shoot("histogram-light")
	b.Scheme("dark")
	b.Shoot("histogram-dark")
	b.Await(`errors.textContent === '24 errors' && !errors.hidden`)
	b.Click("#errors")
	b.Await(`new URLSearchParams(location.search).get('q') === 'severity>=err'`)
	summary(b, ": 24 entries, 24 errors")
	b.Await(`errors.hidden`)
	b.Go(s.URL + "/?q=severity:err")
	summary(b, ": 24 entries, 24 errors")
	b.Await(`histogram.querySelector('path.sev-err').getAttribute('d') !== '' && histogram.querySelector('path.sev-info').getAttribute('d') === ''`)
	b.Go(s.URL + "/?q=nowhere")
	summary(b, "No entries")
	b.Go(s.URL + "/?from=1h")
	summary(b, ": 59 entries, 2 errors")
}

func TestHistogramZoomsByDragAndGoesBack(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(spread(5)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	summary(b, ": 300 entries, 24 errors")
	mouse(b, input.DispatchMouseEventTypeMousePressed, 700, 75)
	mouse(b, input.DispatchMouseEventTypeMouseMoved, 760, 75)
	mouse(b, input.DispatchMouseEventTypeMouseMoved, 900, 75)
	b.Await(`histogram.querySelector('.histogram-mark.chosen') && histogram.querySelector('.histogram-tip').textContent.includes('entries')`)
	b.Shoot("histogram-drag")
	b.Key("\u001b")
	b.Await(`!histogram.querySelector('.histogram-mark.chosen') && histogram.querySelector('.histogram-tip').hidden`)
	mouse(b, input.DispatchMouseEventTypeMouseReleased, 900, 75)
	if got := b.Eval("location.search"); got != "" {
		t.Errorf("Esc did not cancel: the address is %s", got)
	}

	mouse(b, input.DispatchMouseEventTypeMousePressed, 700, 75)
	mouse(b, input.DispatchMouseEventTypeMouseMoved, 900, 75)
	mouse(b, input.DispatchMouseEventTypeMouseReleased, 900, 75)
	b.Await(`/^\?from=.*Z&to=.*Z$/.test(location.search) && pulse.textContent === 'Not live'`)
	b.Await(bars + ` && counts.textContent.includes('matches')`)
	b.Shoot("histogram-zoomed")
	first := b.Eval("location.search")
	// A click zooms into its bar.
	mouse(b, input.DispatchMouseEventTypeMousePressed, 900, 75)
	mouse(b, input.DispatchMouseEventTypeMouseReleased, 900, 75)
	b.Await(fmt.Sprintf(`location.search !== %q && location.search.startsWith('?from=')`, first))
	b.Click("#zoom-out")
	b.Await(fmt.Sprintf(`location.search === %q`, first))
	b.Await(bars)
	b.Press(".histogram-reach", 2)
	b.Await(`location.search === '' && pulse.textContent === 'Live'`)
}

func TestHistogramIsReachedByKeys(t *testing.T) {
	s := newServer(t)
	s.add(spread(2)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	summary(b, ": 120 entries, 15 errors")
	b.Eval(`document.querySelector('.histogram-reach').focus()`)
	b.Do(chromedp.KeyEvent("\u0302")) // the left arrow
	b.Await(`/entr/.test(document.activeElement.getAttribute('aria-valuetext'))`)
	b.Key("\u001b")
	b.Await(`histogram.querySelector('.histogram-tip').hidden && document.activeElement.className === 'histogram-reach'`)
	b.Key("\u0302\u0302")
	b.Key("\r")
	b.Await(`/^\?from=.*Z&to=.*Z$/.test(location.search)`)
	b.Await(bars)
	b.Eval(`document.querySelector('.histogram-reach').focus()`)
	b.Key("\b")
	b.Await(`location.search === ''`)
}

func TestHistogramGrowsWithTheTailAndAsksNobody(t *testing.T) {
	s := newServer(t)
	s.add(spread(2)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	summary(b, ": 120 entries, 15 errors")
	asked := s.times("histogram")
	s.add(numbered(1, 30)...)
	summary(b, ": 150 entries, 15 errors")
	bad := numbered(31, 31)
	bad[0].Severity = "crit"
	s.add(bad...)
	summary(b, ": 151 entries, 16 errors")
	if got := s.times("histogram"); got != asked {
		t.Errorf("the server was asked %d times more", got-asked)
	}
}

func TestHistogramIsHiddenForGood(t *testing.T) {
	s := newServer(t)
	s.add(spread(1)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	summary(b, ": 60 entries, 12 errors")
	b.Click("#histogram-toggle")
	b.Await(`histogram.hidden`)
	// The list is higher now, but nobody has scrolled.
	s.add(numbered(1, 1)...)
	b.AwaitLine("line 1")
	b.Await(`pulse.textContent === 'Live' && scroller.scrollTop >= scroller.scrollHeight - scroller.clientHeight - 1`)
	b.Go(s.URL)
	b.AwaitLine("line 1")
	b.Await(`histogram.hidden`)
	asked := s.times("histogram")
	b.Go(s.URL + "/?q=uid")
	b.AwaitLine("uid=48")
	b.Await(`counts.textContent.includes('matches')`)
	if got := s.times("histogram"); got != asked {
		t.Error("a hidden histogram was asked for")
	}
	b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.Await(`palette.open`)
	b.Key("histogram")
	b.Key("\r")
	b.Await(`!histogram.hidden && ` + bars)
}

func TestHistogramOfDaysBeginsThemInTheZone(t *testing.T) {
	s := newServer(t)
	entries := numbered(1, 24*30)
	for i := range entries {
		entries[i].Received = time.Now().UTC().Add(-time.Duration(len(entries)-i) * time.Hour)
	}
	s.add(entries...)
	b := browsertest.Open(t, "en")
	inZone(b, "Asia/Colombo")
	b.Go(s.URL)
	summary(b, ": 720 entries, 0 errors")
	b.Shoot("histogram-days")
	asked := s.times("histogram")
	b.Key("t")
	s.awaitAsked(t, "histogram", "tz", "UTC")
	summary(b, ": 720 entries, 0 errors")
	if got := s.times("histogram"); got != asked+1 {
		t.Errorf("the server was asked %d times more, want 1", got-asked)
	}
}

func TestCountingNeverHoldsUpTheList(t *testing.T) {
	s := newServer(t)
	hold := make(chan struct{})
	s.hold = hold
	s.instances = team()
	s.add(spread(2)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	s.awaitAsked(t, "facets", "q", "")
	b.Key("/")
	b.Eval("q.value = ''")
	b.Type("#q", "slow\r")
	b.AwaitLine("slow query")
	s.awaitAsked(t, "histogram", "q", "slow")
	s.awaitAsked(t, "facets", "q", "slow")
	deadline := time.After(browsertest.Patience)
	for {
		s.mu.Lock()
		aborted, changed := s.aborted, s.changed
		s.mu.Unlock()
		if aborted == 2 {
			break
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%d questions about the search before were given up, want 2", aborted)
		}
	}
	// What arrives while the server counts is counted once.
	e := numbered(1, 1)
	e[0].Message, e[0].Severity = "slow as ever", "crit"
	s.add(e...)
	b.AwaitLine("slow as ever")
	close(hold)
	summary(b, ": 6 entries, 1 error")
	b.Await(values("severity") + `.includes('warning 5')`)
}
