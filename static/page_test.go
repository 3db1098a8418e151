package static

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// rows is what the list shows, joined line by line.
const rows = `[...document.querySelectorAll('.row')].map((row) => row.querySelector('.c-msg,.c-gap').textContent).join('\n')`

func TestLineAppearsWithoutReload(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 3)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("line 3")
	b.eval("window.sameDocument = true")
	s.add(numbered(4, 4)...)
	b.awaitLine("line 4")
	if got := b.eval("window.sameDocument"); got != "true" {
		t.Errorf("the page was loaded anew")
	}
}

func TestFirstPaintIsSmallAndBreaksNoPolicy(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(700)...)
	s.add(traceback())
	b := browser(t, "en")
	b.scheme("light")
	b.open(s.URL)
	b.awaitLine("aborted")
	b.shoot("live-light")
	b.scheme("dark")
	b.shoot("live-dark")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes >= 100_000 || s.bytes == 0 {
		t.Errorf("first paint took %d bytes, want less than 100,000", s.bytes)
	}
	if len(s.csp) > 0 {
		t.Errorf("the browser reported violations: %v", s.csp)
	}
}

func TestPauseHoldsOffsetAndSelectionWhileLinesArrive(t *testing.T) {
	for _, how := range []string{"wheel", "space", "mouse"} {
		t.Run(how, func(t *testing.T) {
			s := newServer(t)
			s.add(numbered(1, 200)...)
			b := browser(t, "en")
			b.open(s.URL)
			b.awaitLine("line 200")
			switch how {
			case "wheel":
				b.wheel(-600)
				b.await(`scroller.scrollTop < scroller.scrollHeight - scroller.clientHeight - 500`)
			case "space":
				b.key(" ")
			case "mouse":
				b.do(chromedp.MouseEvent("mousePressed", 700, 500, chromedp.ButtonLeft))
				b.do(chromedp.MouseEvent("mouseReleased", 700, 500, chromedp.ButtonLeft))
			}
			b.await(`document.querySelector('#live').classList.contains('waiting')`)
			b.eval(`getSelection().selectAllChildren(document.querySelectorAll('.row')[25].querySelector('.c-msg'))`)
			place := `scroller.scrollTop + ' ' + getSelection().toString()`
			before := b.eval(place)

			s.add(numbered(201, 235)...)
			bad := numbered(236, 237)
			bad[0].Severity, bad[1].Severity = "err", "crit"
			s.add(bad...)
			b.await(`document.querySelector('#live').textContent === '37 new, 2 errors'`)
			if after := b.eval(place); after != before {
				t.Errorf("offset and selection are %q, want %q as before", after, before)
			}
			if title := b.eval("document.title"); title != "(37) Tagtail" {
				t.Errorf("title is %q", title)
			}
			b.shoot("paused-" + how)
			b.click("#live")
			b.awaitLine("line 237")
			b.await(`scroller.scrollTop >= scroller.scrollHeight - scroller.clientHeight - 1`)
		})
	}
}

func TestScrollingUpLoadsHistoryWithoutJumping(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 1000)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("line 1000")
	b.wheel(-3300)
	b.await(`document.querySelector('#counts').textContent.startsWith('700')`)
	// Line 801 was the oldest; what was in sight then is in sight still.
	b.await(`[...document.querySelectorAll('.row')].some((row) => {
		const y = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
		return y > 0 && y < scroller.clientHeight && /line 8[0-4]\d/.test(row.textContent);
	})`)
	b.key("g")
	b.await(`document.querySelector('#counts').textContent.startsWith('1,000')`)
	b.key("g")
	b.awaitLine("line 1")
	b.await(`document.querySelector('#start').textContent === 'The log begins here'`)
	want := strconv.Itoa(28 + 1000*20)
	if got := b.eval("String(canvas.scrollHeight)"); got != want {
		t.Errorf("the list is %s px high, want %s", got, want)
	}
}

func TestLongListKeepsFewElements(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 1000)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("line 1000")
	s.add(numbered(1001, 31_000)...)
	b.awaitLine("line 31000")
	if got := b.eval("String(document.querySelectorAll('.row').length < 120)"); got != "true" {
		t.Errorf("%s rows have elements", b.eval("String(document.querySelectorAll('.row').length)"))
	}
	if got := b.eval("counts.textContent"); got != "5,000 entries loaded" {
		t.Errorf("the strip says %q, want 5,000 while it follows", got)
	}
	b.key(" ")
	s.add(numbered(31_001, 91_000)...)
	b.await(`counts.textContent === '65,000 entries loaded'`)
	b.eval("scroller.scrollTop = 600000")
	b.awaitLine("line 56")
}

func TestInstanceFilterIsInTheAddress(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(100)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("uid=48")
	b.click(`[data-focus="redis/dev1"]`)
	b.await(`location.search === '?i=redis/dev1'`)
	b.await(`document.querySelectorAll('.row').length > 0 && [...document.querySelectorAll('.c-inst')].every((cell) => cell.textContent === 'redis/dev1')`)
	b.shoot("instance-filter")
	b.open(s.URL + "/?q=changes&i=redis/dev1")
	b.awaitLine("changes in 300 seconds")
	if got := b.eval("q.value + '|' + chips.textContent"); got != "changes|changes×" {
		t.Errorf("the box and the chips are %q", got)
	}
	b.eval("history.back()")
	b.await(`location.search === '?i=redis/dev1'`)
}

func TestSearchRestartsTheListAndGoesOnLive(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(100)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("uid=48")
	b.key("/")
	b.eval("q.value = ''") // a synthetic key types although its keydown is cancelled
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "slow -redis severity:warning\r"))
	b.await(`location.search === '?q=slow+-redis+severity:warning'`)
	b.await(`counts.textContent.includes('matches')`)
	b.await(`[...document.querySelectorAll('.c-msg')].every((cell) => cell.textContent.includes('slow'))`)
	b.await(`[...CSS.highlights.get('hit')].length > 0`)
	b.shoot("search")
	e := numbered(1, 1)
	e[0].Message, e[0].Severity = "slow as ever", "warning"
	s.add(numbered(1, 5)...)
	s.add(e...)
	b.awaitLine("slow as ever")
	if strings.Contains(b.eval(rows), "line ") {
		t.Errorf("the list shows what does not match:\n%s", b.eval(rows))
	}
	b.key("/")
	b.eval("q.value = ''")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "nowhere\r"))
	b.await(`notice.textContent.includes('Nothing matches')`)
	b.shoot("empty")
	b.click(".empty .button")
	b.awaitLine("line 5")
}

func TestRangeIsASearchWithPaging(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 500)...)
	b := browser(t, "en")
	b.open(s.URL + "/?from=1h")
	b.awaitLine("line 500")
	b.await(`pulse.textContent === 'Not live' && range.value === '1h'`)
	s.add(numbered(501, 501)...)
	b.wheel(-5000)
	b.await(`counts.textContent.startsWith('500 matches') && start.textContent === 'Nothing older matches'`)
	if strings.Contains(b.eval(rows), "line 501") {
		t.Errorf("a range shows what arrives later")
	}
	b.click("#live")
	b.awaitLine("line 501")
	b.await(`location.search === ''`)

	b.eval(`range.value = 'custom', range.dispatchEvent(new Event('change'))`)
	b.await(`document.querySelector('#range-form').matches(':popover-open')`)
	b.shoot("range")
	b.click("#range-custom .button")
	b.await(`/^\?from=.*T.*Z&to=.*T.*Z$/.test(location.search)`)
	b.click("#range-text")
	b.await(`document.querySelector('#range-form').matches(':popover-open')`)
}

func TestDetailsOpenAndCloseByKeyboard(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(100)...)
	s.add(traceback())
	s.add(traffic(5)...)
	b := browser(t, "en")
	b.scheme("light")
	b.open(s.URL)
	b.awaitLine("aborted")
	b.key("E")
	b.await(`document.querySelector('.row.selected')?.textContent.includes('aborted')`)
	b.key("\r")
	b.await(`!drawer.hidden && drawer.querySelector('pre').textContent.includes("\n\tmain.lua:12: in function 'handler'")`)
	b.await(`drawer.querySelector('pre a').href === 'https://example.org/wiki/gate-errors' && drawer.querySelector('pre a').rel === 'noopener noreferrer'`)
	b.await(`drawer.textContent.includes('behind ours')`)
	b.await(`scroller.getBoundingClientRect().bottom <= innerHeight`)
	b.shoot("details-light")
	b.scheme("dark")
	b.shoot("details-dark")
	b.key("w")
	b.await(`document.querySelector('.row.selected').offsetHeight === 40`)
	b.shoot("wrapped")
	b.key("w")
	b.await(`document.querySelector('.row.selected').offsetHeight === 20`)
	b.key("k")
	b.await(`!drawer.querySelector('pre').textContent.includes('aborted')`)
	b.key("j")
	b.click(`[data-field="severity"]`)
	b.await(`!menu.hidden`)
	b.shoot("details-menu")
	b.key("\r")
	b.await(`location.search === '?q=severity:err'`)
	b.await(`!drawer.hidden`)
	b.key("\u001b")
	b.await(`drawer.hidden`)
	b.key("?")
	b.await(`help.open`)
	b.shoot("help")
	b.key("\u001b")
	b.await(`!help.open`)
}

func TestHostileEntriesStayText(t *testing.T) {
	s := newServer(t)
	s.add(hostile()...)
	b := browser(t, "en")
	b.open(s.URL)
	b.await(`document.querySelectorAll('.row').length === 10`)
	b.shoot("hostile")
	for seq := 1; seq <= len(hostile()); seq++ {
		b.click(fmt.Sprintf("#row%d .c-time", seq))
		b.await(fmt.Sprintf(`drawer.querySelector('.fields').lastChild.textContent === '%d'`, seq))
		b.shoot(fmt.Sprintf("hostile-%d", seq))
		if got := b.eval(`String(document.documentElement.scrollWidth <= innerWidth && drawer.querySelector('.drawer-content').scrollWidth <= drawer.clientWidth)`); got != "true" {
			t.Errorf("entry %d makes the page wider than the window", seq)
		}
	}
	checks := map[string]string{
		"String(window.pwned)": "undefined",
		"String(document.querySelectorAll('.row img, .row b, #drawer img, #drawer script, #drawer b').length)": "0",
		"String(new Set([...document.querySelectorAll('.row')].map((row) => row.offsetHeight)).size)":          "1",
		"document.querySelector('#row4 .c-msg').textContent":                                                   "⟨RLO⟩<i>app</i> NUL␀ BEL␇ DEL␡ CSI ␛[2Jred ␛]0;title␇ 8-bit ⟨U+009B⟩31m",
	}
	for expression, want := range checks {
		if got := b.eval(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.csp) > 0 {
		t.Errorf("the browser reported violations: %v", s.csp)
	}
}

func TestReconnectLosesAndDoublesNothing(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 100)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("line 100")
	s.cut(true)
	b.await(`!banner.hidden && banner.textContent.includes('trying again')`)
	b.shoot("disconnected")
	s.add(numbered(101, 400)...)
	s.change(func() { s.down = false })
	b.click("#banner button")
	b.awaitLine("line 400")
	b.await(`banner.hidden`)
	s.cut(false)
	s.add(numbered(401, 500)...)
	b.awaitLine("line 500")
	if got := b.eval("counts.textContent"); got != "500 entries loaded" {
		t.Errorf("the strip says %q, want each of the 500 once", got)
	}
	b.key("g")
	b.awaitLine("line 1")
	if got := b.eval("String(canvas.scrollHeight)"); got != strconv.Itoa(28+500*20) {
		t.Errorf("the list is %s px high, want 500 rows", got)
	}
}

func TestGapLoadsInPlace(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.lost = 1204
	s.add(numbered(1, 10)...)
	b := browser(t, "en")
	b.open(s.URL)
	b.awaitLine("line 10")
	b.await(`rail.textContent.includes('udp://127.0.0.1:55141,204 messages lost')`)
	s.mu.Lock()
	s.skip = [2]uint64{12, 19}
	s.mu.Unlock()
	s.add(numbered(11, 25)...)
	b.awaitLine("8 entries not shown, load")
	b.shoot("gap")
	b.click(".row.gap button")
	b.awaitLine("line 15")
	var want []string
	for i := 1; i <= 25; i++ {
		want = append(want, fmt.Sprintf("line %d", i))
	}
	if got := b.eval(rows); got != strings.Join(want, "\n") {
		t.Errorf("the list is\n%s", got)
	}
}

func TestControlsAskFirstAndShowTheJob(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browser(t, "en")
	b.scheme("light")
	b.open(s.URL)
	b.awaitLine("uid=48")
	b.click(`[data-focus="socketserver/dev1…"]`)
	b.await(`!drawer.hidden && drawer.textContent.includes('3 h 7 min')`)
	b.await(`drawer.querySelector('[data-action=start]').getAttribute('aria-disabled') === 'true' && drawer.querySelector('.reasons').textContent.includes('running already')`)
	b.click(`[data-action="start"]`)
	b.click(`[data-action="restart"]`)
	b.await(`drawer.querySelector('.question').textContent.includes('Restart socketserver/dev1?')`)
	b.shoot("confirm")
	b.click(`[data-action="yes"]`)
	b.await(`drawer.querySelector('.job h3').textContent === 'Restart is running…'`)
	s.finish("1", "running", "", "nginx: the configuration file /srv/dev1/nginx.conf syntax is ok", "stopping 31497", "stopped after 0.2 s")
	b.await(`drawer.querySelector('.job pre').textContent.includes('stopped after')`)
	s.finish("1", "failed", "nginx did not start: bind() to 0.0.0.0:8101 failed (98: Address already in use).", "\x1b[31mnginx: [emerg] bind() to 0.0.0.0:8101 failed (98: Address already in use)\x1b[0m")
	b.await(`drawer.querySelector('.job h3').textContent === 'Restart failed after 412 ms'`)
	b.shoot("job-failed")
	if got := b.eval("drawer.querySelector('.job pre').textContent.split('\\n').length - 1"); got != "4" {
		t.Errorf("%s lines of output, want 4, each once", got)
	}
	b.click(`[data-action="test"]`)
	s.await(t, "2")
	s.finish("2", "succeeded", "", "syntax is ok", "test is successful")
	b.await(`drawer.querySelector('.job h3').textContent === 'Test configuration succeeded in 412 ms'`)
	b.shoot("job-succeeded")
}

func TestFirstStartShowsCommandsUntilAnEntryArrives(t *testing.T) {
	s := newServer(t)
	b := browser(t, "en")
	b.scheme("light")
	b.open(s.URL)
	b.await(`notice.textContent.includes('logger --server 127.0.0.1 --port 5514 --udp')`)
	b.shoot("welcome")
	s.add(numbered(1, 1)...)
	b.awaitLine("line 1")
	b.await(`notice.hidden`)
}

func TestNarrowScreenHasSheetsAndABar(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(300)...)
	s.add(traceback())
	b := browser(t, "en")
	b.scheme("light")
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.open(s.URL)
	b.awaitLine("aborted")
	b.shoot("phone")
	b.click("#bar-rail")
	b.await(`rail.classList.contains('open')`)
	b.shoot("phone-rail")
	b.click("#bar-rail")
	b.click(".row:last-child .c-msg")
	b.await(`!drawer.hidden`)
	b.shoot("phone-details")
	if got := b.eval("String(document.documentElement.scrollWidth)"); got != "390" {
		t.Errorf("the page is %s px wide, want 390", got)
	}
}

func TestPageSpeaksChinese(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browser(t, "zh-CN")
	b.open(s.URL)
	b.await(`document.documentElement.lang === 'zh-CN' && live.textContent === '暂停'`)
	b.shoot("chinese")
}

func TestLoginLink(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 2)...)
	b := browser(t, "en")
	b.scheme("light")
	b.open(s.URL + "/login#stale")
	b.await(`error.textContent.startsWith('This token is not valid any more')`)
	if got := b.eval("location.href"); got != s.URL+"/login" {
		t.Errorf("the address is %s: it still has the token", got)
	}
	b.shoot("login")
	b.do(chromedp.SendKeys(chromedp.CSS("#token"), "good\r"))
	b.awaitLine("line 2")
	b.open(s.URL + "/login#good")
	b.awaitLine("line 2")
}
