package static

import (
	"fmt"
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

// frames are how many a measurement takes.
const frames = 20

// The figures of an idle machine are in docs/BENCHMARKS.md.
func TestHundredThousandRowsScrollSmoothly(t *testing.T) {
	s := newServer(t)
	s.add(traffic(1000)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	b.Key(" ")
	var more []entry
	for i, e := range traffic(100_000) {
		switch i % 50 {
		case 7:
			e.Message += strings.Repeat(" and more words", 20)
		case 9:
			e = traceback()
		}
		more = append(more, e)
	}
	for _, part := range []int{0, 50_000} { // in one, it may take a busy machine longer than the patience of a test
		s.add(more[part : part+50_000]...)
		b.Await(fmt.Sprintf(`Number(counts.textContent.replace(/[^0-9]/g, '')) === %d`, 200+part+50_000))
	}
	b.Wheel(100)
	b.Await(`canvas.scrollHeight > 1_900_000`)
	for _, wrap := range []string{"one line", "two lines", "all of it"} {
		for _, by := range []int{60, 700} {
			b.Eval(`scroller.scrollTop = 900000`)
			before := b.MainThread()
			took := times(t, b, by)
			each := (b.MainThread() - before) / frames
			t.Logf("%s, %d px a frame: every %v ms, %v of them computing", wrap, by, took, each.Round(100*time.Microsecond))
			// How often there is a frame depends on what else the machine does;
			// what the page computes for it does much less so.
			if each > 150*time.Millisecond || each <= 0 {
				t.Errorf("%s, %d px a frame: the page computes %v for each", wrap, by, each)
			}
			if got := b.Eval(`String(document.querySelectorAll('.row').length > 20 && document.querySelectorAll('.row').length < 200)`); got != "true" {
				t.Errorf("%s rows have elements", b.Eval(`String(document.querySelectorAll('.row').length)`))
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
	for i, text := range strings.Fields(b.EvalAsync(fmt.Sprintf(scrollThrough, by, frames))) {
		ms, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		took[i] = ms
	}
	return took
}
