package static

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/static/browsertest"
)

// scrollThrough scrolls the list by %d px in every frame for %d frames, up and
// down, and tells how long the median frame took, and what 95 % and 99 % of them
// stayed below, in ms.
const scrollThrough = `new Promise((resolve) => {
	const times = [];
	let last = 0, by = %d;
	requestAnimationFrame(function frame(now) {
		if (last > 0) times.push(now - last);
		last = now;
		if (times.length === %d) {
			times.sort((a, b) => a - b);
			const at = (part) => times[Math.floor(times.length * part)].toFixed(1);
			return resolve(at(0.5) + ' ' + at(0.95) + ' ' + at(0.99));
		}
		if (scroller.scrollTop <= 60 || scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 60) by = -by;
		scroller.scrollTop += by;
		requestAnimationFrame(frame);
	});
})`

// frames are how many a measurement takes: the first few of a page are slower,
// because the browser compiles its code.
func frames() int {
	if os.Getenv("TAGTAIL_SOAK") != "" {
		return 200
	}
	return 10
}

// How long a frame takes is in docs/BENCHMARKS.md: as a test it would measure
// what else the machine does.
func TestHundredThousandRowsKeepFewElements(t *testing.T) {
	s := newServer(t)
	s.add(traffic(1000)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	b.Key(" ")
	many := 20_000
	if os.Getenv("TAGTAIL_SOAK") != "" {
		many = 99_000
	}
	more := traffic(many)
	for i := range more {
		switch i % 50 {
		case 7:
			more[i].Message += strings.Repeat(" and more words", 20)
		case 9:
			more[i] = traceback()
		}
	}
	s.add(more...)
	b.Await(fmt.Sprintf(`Number(counts.textContent.replace(/[^0-9]/g, '')) === %d`, 200+many))
	b.Wheel(100)
	b.Await(fmt.Sprintf(`canvas.scrollHeight > %d`, many*19))
	for _, wrap := range []string{"one line", "two lines", "all of it"} {
		for _, by := range []int{60, 700} {
			b.Eval(`scroller.scrollTop = scroller.scrollHeight / 2`)
			before := b.MainThread()
			took := times(t, b, by)
			each := (b.MainThread() - before) / time.Duration(frames())
			t.Logf("%s, %d px a frame: every %v ms, %v of them computing", wrap, by, took, each.Round(100*time.Microsecond))
			if got := b.Eval(`String(document.querySelectorAll('.row').length > 20 && document.querySelectorAll('.row').length < 200)`); got != "true" {
				t.Errorf("%s: %s rows have elements", wrap, b.Eval(`String(document.querySelectorAll('.row').length)`))
			}
		}
		b.Key("w")
	}
}

// times are those of frames in which the list is scrolled by so many px: the
// median, and what 95 % and 99 % stay below, in ms.
func times(t *testing.T, b *browsertest.Tab, by int) [3]float64 {
	t.Helper()
	var took [3]float64
	for i, text := range strings.Fields(b.EvalAsync(fmt.Sprintf(scrollThrough, by, frames()))) {
		ms, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		took[i] = ms
	}
	return took
}

func TestGoingLiveWhileHistoryLoadsLeavesNoHole(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 400)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("line 400")
	s.add(numbered(401, 5600)...)
	b.AwaitLine("line 5600")
	b.Key("k")
	s.add(numbered(5601, 5900)...)
	b.Await(`live.textContent.startsWith('300 new')`)
	b.Eval(`window.fetched = window.fetch, window.fetch = async (...given) => {
		if (String(given[0]).includes('before=')) await new Promise((resolve) => { window.release = resolve; });
		return fetched(...given);
	}, 0`)
	b.Key("g")
	b.Await(`window.release !== undefined && start.textContent === 'Loading older entries…'`)
	b.Key("G")
	b.AwaitLine("line 5900")
	b.Await(`counts.textContent === '5,000 entries loaded'`)
	b.Eval(`window.fetch = fetched, release(), 0`)
	s.add(numbered(5901, 5901)...)
	b.AwaitLine("line 5901")
	// What was selected has been let go of: the keys go on from what is seen.
	b.Key("k")
	b.Await(`document.querySelector('.row.selected').textContent.includes('line 59')`)
	for b.Eval(`start.textContent`) != "The log begins here" {
		b.Key("g")
		b.Await(`!start.textContent.startsWith('Loading')`)
	}
	b.Await(`canvas.scrollHeight === 28 + 20 * 5901`)
	b.Eval(`scroller.scrollTop = 20 * 390`)
	b.Await(`(() => {
		const numbers = [...document.querySelectorAll('.row[data-seq]')].map((row) => Number(/line (\d+)/.exec(row.textContent)[1]));
		return numbers.includes(401) && numbers.every((n, i) => i === 0 || n === numbers[i - 1] + 1);
	})()`)
}
