package static

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// seen is whether the row with a Seq is in sight, and how far below the top of
// the list.
func seen(seq int) string {
	return fmt.Sprintf(`(() => {
		const row = document.querySelector('#row%d');
		const y = row && row.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
		return row && y >= 0 && y < scroller.clientHeight ? Math.round(y) : -1;
	})()`, seq)
}

func TestLinkToAnEntryOpensScrolledSelectedAndPaused(t *testing.T) {
	s := newServer(t)
	for i, e := range numbered(1, 3000) {
		if i%3 == 0 {
			e.Message = fmt.Sprintf("other %d", i+1)
		}
		s.add(e)
	}
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/?q=line#l=1500")
	b.AwaitLine("line 1500")
	b.Await(`document.querySelector('#row1500.selected') && pulse.textContent === 'Paused' && drawer.hidden`)
	b.Await(fmt.Sprintf("Math.abs(%s - scroller.clientHeight / 2) < 30", seen(1500)))
	b.Await(`location.hash === '#l=1500' && location.search === '?q=line'`)
	b.Shoot("link")
	if got := b.Eval(rows); strings.Contains(got, "other") || !strings.Contains(got, "line 1499\nline 1500\nline 1502") {
		t.Errorf("around the entry there is\n%s", got)
	}

	b.Wheel(-4000)
	b.Await(`counts.textContent.startsWith('2,000 matches') && canvas.scrollHeight > 28 + 600 * 20`)
	for range 12 {
		b.Wheel(6000)
	}
	b.AwaitLine("line 3000")
	s.add(numbered(3001, 3002)...)
	b.Await(`live.textContent.includes('2 new') || document.querySelector('#row3002')`)
	b.Await(`location.hash === '#l=1500' && pulse.textContent === 'Paused'`)
	b.Key("G")
	b.AwaitLine("line 3002")
	b.Await(`location.hash === '' && pulse.textContent === 'Live'`)

	length := b.Eval("String(history.length)")
	b.Key("jk")
	b.Await(`/^#l=\d+$/.test(location.hash)`)
	b.Key(" ")
	b.Await(`location.hash === ''`)
	if got := b.Eval("String(history.length)"); got != length {
		t.Errorf("selecting made steps of history: %s, want %s", got, length)
	}
}

func TestLinkToAnEntryThatIsNotInTheSearchSaysSo(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 600)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/?q=line+2#l=100")
	b.Await(`document.querySelector('#link-note').textContent.startsWith('The entry of this link does not match the search.')`)
	b.Shoot("link-unmatched")
	b.Click("#link-note button")
	b.Await(`document.querySelector('#row100.selected') && location.search === '' && location.hash === '#l=100' && document.querySelector('#link-note').hidden`)
	b.Await(seen(100) + " > 0")
	// The same tab is given another link.
	b.Eval(`location.hash = '#l=400'`)
	b.Await(`document.querySelector('#row400.selected') && ` + seen(400) + ` > 0`)
	b.Eval(`location.hash = '#l=4000'`)
	b.Await(`document.querySelector('#link-note').textContent.startsWith('The entry of this link is not kept any more')`)
	b.Click("#link-note button")
	b.AwaitLine("line 600")
	b.Await(`pulse.textContent === 'Live' && location.hash === ''`)
}

func TestLinkIsCopied(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 30)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/?q=line&from=15m")
	b.AwaitLine("line 30")
	b.Eval(`window.copied = [], Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => copied.push(text)}})`)
	b.Key("k")
	b.Key("l")
	b.Await(`copied[0] === '` + s.URL + `/?q=line#l=30'`)
	b.Key("\r")
	b.Await(`!drawer.hidden`)
	b.Eval(`[...drawer.querySelectorAll('.button')].find((button) => button.textContent === 'Copy link').click()`)
	b.Await(`copied[1] === copied[0]`)
}

func TestLoginComesBackToTheLinkedEntry(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 300)...)
	b := browsertest.Open(t, "en")
	// As the server redirects; the browser keeps the fragment.
	b.Go(s.URL + "/login?next=%2F%3Fq%3Dline#l=123")
	b.Await(`document.activeElement.id === 'name' && error.hidden`)
	b.Type("#token", "good\r")
	b.Await(`location.search + location.hash === '?q=line#l=123' && document.querySelector('#row123.selected')`)
	// As the page goes there when the session has ended.
	b.Eval(`sessionStorage.setItem('back', location.search + location.hash), location.assign('login')`)
	b.Await(`document.activeElement.id === 'name'`)
	b.Type("#name", "dev1")
	b.Type("#token", " good \r")
	b.Await(`location.search + location.hash === '?q=line#l=123' && document.querySelector('#row123.selected')`)
}

// repeated is n entries that say the same, and one that does not.
func repeated(n int, message string) []entry {
	var entries []entry
	for range n {
		e := numbered(1, 1)[0]
		e.Message = message
		entries = append(entries, e)
	}
	return entries
}

func TestRepeatedNeighboursAreOneRow(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 60)...)
	s.add(repeated(14, "slow query 812ms")...) // 61 to 74
	s.add(numbered(75, 80)...)
	later := repeated(2, "once a minute") // 81, 82
	later[0].Received = later[0].Received.Add(-2 * time.Minute)
	s.add(later...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("line 80")
	b.Await(`document.querySelector('#row61 .b-count').textContent === '×14' && document.querySelector('#row62') === null`)
	b.Await(`document.querySelector('#row81') && document.querySelector('#row82') && document.querySelector('#row81 .b-count') === null`)
	s.add(repeated(3, "line 80")...) // other entries of the same text: neighbours of 82, which says something else
	s.add(repeated(1, "line 80")...)
	b.Await(`document.querySelector('#row83 .b-count').textContent === '×4'`)
	b.Shoot("repeated")
	y := b.Eval("String(" + seen(61) + ")")
	b.Key(" ")
	b.Click("#row61 .b-count")
	b.Await(`document.querySelector('#row74') && document.querySelector('#row61 .b-count').getAttribute('aria-expanded') === 'true'`)
	if got := b.Eval("String(" + seen(61) + ")"); got != y {
		t.Errorf("the row went from %s to %s px while it was unfolded", y, got)
	}
	b.Shoot("repeated-open")
	b.Click("#row61 .b-count")
	b.Await(`document.querySelector('#row62') === null && document.querySelector('#row61 .b-count').textContent === '×14'`)
	// The keyboard: the arrows step over what is folded, Enter opens it.
	b.Eval("row75.click()")
	b.Key("\u001bk")
	b.Await(`document.querySelector('.row.selected').id === 'row61'`)
	b.Key("\r")
	b.Await(`document.querySelector('#row62') && drawer.hidden`)
	b.Key("j")
	b.Await(`document.querySelector('.row.selected').id === 'row62'`)
	// A link to one of many shows that one.
	b.Go(s.URL + "/#l=70")
	b.Await(`document.querySelector('#row70.selected')`)
	b.Await(seen(70) + " > 0")
}

func TestAClaimedTimeIsShownWhereItDiffers(t *testing.T) {
	s := newServer(t)
	claims := numbered(1, 3)
	claims[0].Time = claims[0].Received.Add(-95 * time.Second)
	claims[1].Time = claims[1].Received.Add(-1900 * time.Millisecond)
	claims[2].Time, claims[2].Message = claims[2].Received.Add(3*time.Hour), ""
	s.add(claims...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("(no text)")
	got := b.Eval(`[...document.querySelectorAll('.row')].map((row) => row.querySelector('.clock')?.textContent ?? '').join()`)
	if want := "−1 min,,+3 h"; got != want {
		t.Errorf("the rows say %q of the sender's clock, want %q", got, want)
	}
}

func TestTracebackUnfoldsInPlace(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(80)...)
	s.add(traceback()) // 81
	s.add(traffic(80)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/#l=81")
	b.Await(`document.querySelector('#row81 .b-lines').textContent === '⤢6'`)
	if got := b.Eval("document.querySelector('#row81 .c-msg').textContent"); strings.Contains(got, "traceback") {
		t.Errorf("the row shows more than the first line: %s", got)
	}
	before := fmt.Sprintf(`[%s, %s].join()`, seen(80), seen(81))
	want := b.Eval(before)
	b.Key("o")
	b.Await(`row81.offsetHeight >= 120 && row81.textContent.includes("in function 'dispatch'")`)
	if got := b.Eval(before); got != want {
		t.Errorf("rows are at %s, want %s as before it was unfolded", got, want)
	}
	b.Await(`row82.getBoundingClientRect().top === row81.getBoundingClientRect().bottom`)
	b.Shoot("unfolded-light")
	b.Scheme("dark")
	b.Shoot("unfolded-dark")
	b.Key("o")
	b.Await(`row81.offsetHeight === 20`)
	b.Do(chromedp.KeyEvent("\u0303")) // the right arrow
	b.Await(`row81.offsetHeight >= 120`)
	b.Do(chromedp.KeyEvent("\u0302"))
	b.Await(`row81.offsetHeight === 20`)
	b.Click("#row81 .b-lines")
	b.Await(`row81.offsetHeight >= 120 && drawer.hidden`)
}

func TestWrappingShowsAllAndKeepsThePlace(t *testing.T) {
	s := newServer(t)
	for i := range 2000 {
		e := numbered(i+1, i+1)
		e[0].Message += strings.Repeat(" and more words", i%40)
		s.add(e...)
	}
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/?wrap=all#l=900")
	b.Await(`document.querySelector('#row900.selected') && ` + seen(900) + ` > 0`)
	b.Await(fmt.Sprintf("Math.abs(%s - scroller.clientHeight / 2) < 60", seen(900)))
	b.Shoot("wrap-all")
	// Every row ends where the next begins, and none is cut.
	b.Await(`(() => {
		const all = [...document.querySelectorAll('.row')].map((row) => row.getBoundingClientRect());
		return all.length > 10 && all.every((box, i) => i === 0 || Math.abs(box.top - all[i - 1].bottom) < 0.5);
	})()`)
	// Rows above turn out to be higher than was thought: what is seen stays.
	for range 6 {
		b.Wheel(-500)
	}
	b.Await(`scroller.scrollTop > 100`)
	b.Key("w") // one line
	b.Await(`document.querySelector('.row').offsetHeight === 20 && location.search === ''`)
	b.Key("ww")
	b.Await(`location.search === '?wrap=all'`)
	b.Await(`document.querySelectorAll('.row').length > 10`)
}

func TestClickOnAValueOffersWhatToDoWithIt(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	s.add(traceback())
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("aborted")
	last := "#row61"
	b.Click(last + " .c-sev .v")
	b.Await(`!menu.hidden && drawer.hidden && pulse.textContent === 'Paused'`)
	b.Shoot("value-menu")
	if got := b.Eval("[...menu.children].map((one) => one.textContent).join()"); got != "Add to the search,Exclude,Search for this only,Show all but this,Copy the value" {
		t.Errorf("the menu has %s", got)
	}
	choose := func(words string) {
		b.Eval(fmt.Sprintf(`[...menu.querySelectorAll('button')].find((one) => one.textContent === %q).click()`, words))
	}
	choose("Show all but this")
	b.Await(`location.search === '?q=-severity:err'`)
	b.Await(`[...document.querySelectorAll('.c-sev')].length > 0 && [...document.querySelectorAll('.c-sev')].every((cell) => cell.textContent !== 'err')`)
	b.Click(".row:last-child .c-inst .v")
	choose("Add to the search")
	b.Await(`location.search.startsWith('?q=-severity:err+instance:')`)
	b.Eval("history.back()")
	b.Await(`location.search === '?q=-severity:err'`)
	b.Eval("history.back()")
	b.Await(`location.search === ''`)
	b.AwaitLine("aborted")
	b.Await(`document.querySelector('#row61 .c-msg [data-value="main.lua:12"]')`)
	b.Eval(`document.querySelector('#row61 .c-msg [data-value="main.lua:12"]').click()`)
	choose("Search for this only")
	b.Await(`new URLSearchParams(location.search).get('q') === '"main.lua:12"'`)
	b.Eval("history.back()")
	b.AwaitLine("aborted")
	// Elsewhere a click selects, and the right button opens the row's own menu.
	b.Eval("row61.click()")
	b.Await(`!drawer.hidden`)
	b.Key("\u001b")
	b.Key("m")
	b.Await(`!menu.hidden && menu.textContent.includes('Show the whole message')`)
	b.Shoot("row-menu")
	choose("socketserver/dev1 …") // by the keyboard one comes to the values, too
	b.Await(`!menu.hidden && menu.textContent.includes('Show all but this')`)
	b.Key("\u001b")
	b.Await(`menu.hidden && document.activeElement.id === 'scroller'`)
	b.Do(chromedp.MouseEvent("mousePressed", 900, 500, chromedp.ButtonRight))
	b.Do(chromedp.MouseEvent("mouseReleased", 900, 500, chromedp.ButtonRight))
	b.Await(`!menu.hidden`)
}

func TestColumnsAndDensityAreKeptAndInTheAddress(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(200)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	length := b.Eval("String(history.length)")
	b.Click("#look-button")
	b.Click(`[data-look="host"]`)
	b.Click(`[data-look="pid"]`)
	b.Click(`[data-look="relaxed"]`)
	b.Await(`location.search === '?cols=time,severity,instance,host,pid,message' && document.querySelector('.row').offsetHeight === 26`)
	b.Await(`document.querySelector('.row').children.length === 6`)
	b.Shoot("columns")
	if got := b.Eval("String(history.length)"); got != length {
		t.Errorf("choosing columns made steps of history")
	}
	// Every cell begins where its head does.
	if got := b.Eval(`(() => {
		const heads = [...document.querySelectorAll('#head [data-col]:not([hidden])')].map((one) => Math.round(one.getBoundingClientRect().left));
		const cells = [...document.querySelector('.row').children].map((one) => Math.round(one.getBoundingClientRect().left));
		return heads.join() === cells.join() ? 'same' : heads + ' ' + cells;
	})()`); got != "same" {
		t.Errorf("heads and cells begin at %s", got)
	}
	b.Go(s.URL + "/?q=uid")
	b.Await(`document.querySelector('.row').children.length === 6 && document.querySelector('.row').offsetHeight === 26`)
	b.Await(`new URLSearchParams(location.search).get('cols').includes('pid')`)
	// A link shows its own and changes nobody's.
	b.Go(s.URL + "/?cols=time,msg&wrap=two")
	b.Await(`document.querySelector('.row').children.length === 2`)
	b.Go(s.URL + "/")
	b.Await(`document.querySelector('.row').children.length === 6 && document.querySelector('.row').offsetHeight === 26`)
	b.Click("#look-button")
	b.Click(`[data-look="usual"]`)
	b.Await(`location.search === '' && document.querySelector('.row').offsetHeight === 20`)
}

func TestWordsAreMarkedWithoutFiltering(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(200)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	b.Key("h")
	b.Await(`document.activeElement.classList.contains('marks-box')`)
	b.Eval(`document.activeElement.value = ''`) // a synthetic key types although its keydown is cancelled
	b.Key(`opcode "upstream timed" 10.0.4`)
	b.Shoot("marks-box")
	b.Key("\r")
	b.Await(`document.querySelectorAll('.chip.mark').length === 3 && [0, 1, 2].every((i) => CSS.highlights.get('mark-' + i).size > 0)`)
	b.Await(`[...CSS.highlights.get('mark-1')].every((range) => range.toString() === 'upstream timed') && location.search === ''`)
	b.Shoot("marks-light")
	b.Scheme("dark")
	b.Shoot("marks-dark")
	b.Go(s.URL + "/?q=uid")
	b.Await(`document.querySelectorAll('.chip.mark').length === 3`)
	b.Click(`.chip[data-mark="0"] button`)
	b.Await(`document.querySelectorAll('.chip.mark').length === 2 && !CSS.highlights.has('mark-2')`)
}

func TestPageOpensWithOnesOwnInstances(t *testing.T) {
	s := newServer(t)
	s.instances, s.me = team(), "dev1"
	s.add(traffic(300)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.Await(`location.search === '?i=socketserver/dev1&i=redis/dev1&i=dtserver/dev1&i=mysql/shared'`)
	b.AwaitLine("uid=48")
	if got := b.Eval(rows); strings.Contains(got, "CMD") || strings.Contains(got, "登录成功") {
		t.Errorf("the list has entries of others:\n%s", got)
	}
	b.Shoot("own")
	b.Click(`[data-focus="*"]`)
	b.Await(`location.search === '?i=*'`)
	b.AwaitLine("登录成功")
	b.Eval("location.reload()")
	b.AwaitLine("登录成功")
	b.Await(`location.search === '?i=*'`)
	b.Eval("history.back()")
	b.Await(`location.search.startsWith('?i=socketserver/dev1')`)
	// Who asks for something gets that, of all.
	b.Go(s.URL + "/?q=" + "CMD")
	b.AwaitLine("CMD")
	b.Await(`location.search === '?q=CMD'`)
}

func TestReconnectionSaysHowMuchCameMeanwhile(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 50)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("line 50")
	s.cut(true)
	b.Await(`!banner.hidden`)
	s.add(numbered(51, 87)...)
	s.change(func() { s.down = false })
	b.Click("#banner button")
	b.AwaitLine("line 87")
	b.Await(`/^Connected again after \d+ s: 37 entries came meanwhile$/.test(toast.textContent) && !toast.hidden`)
	b.Shoot("resumed")
}

func TestColoursAndActionsInRows(t *testing.T) {
	s := newServer(t)
	e := numbered(1, 1)[0]
	e.Message = "\x1b[31mred 10.0.4.17\x1b[0m then https://example.org/a?b=c and \x1b[1;32mbold\x1b[0m"
	s.add(numbered(1, 40)...)
	s.add(e) // 41
	s.add(numbered(42, 50)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("line 50")
	checks := map[string]string{
		"row41.querySelector('.c-msg').textContent":                                                       "red 10.0.4.17 then https://example.org/a?b=c and bold",
		"row41.querySelector('.fg-1').textContent":                                                        "red 10.0.4.17",
		"row41.querySelector('.fg-1 .v').dataset.value + ' ' + row41.querySelector('.url').dataset.value": "10.0.4.17 https://example.org/a?b=c",
		"String(row41.querySelectorAll('.sgr-bold.fg-2').length)":                                         "1",
	}
	for expression, want := range checks {
		if got := b.Eval(expression); got != want {
			t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
	b.Eval(`window.copied = [], Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => copied.push(text)}})`)
	place := b.Eval("JSON.stringify(row41.querySelector('.c-msg').getBoundingClientRect())")
	b.Eval(`row41.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))`)
	b.Await(`!document.querySelector('.row-actions').hidden`)
	b.Shoot("actions")
	if got := b.Eval("JSON.stringify(row41.querySelector('.c-msg').getBoundingClientRect())"); got != place {
		t.Errorf("the actions have moved the text from %s to %s", place, got)
	}
	b.Eval(`document.querySelectorAll('.row-actions button').forEach((button) => button.click())`)
	b.Await(`copied.join(' | ') === 'red 10.0.4.17 then https://example.org/a?b=c and bold | ` + s.URL + `/#l=41'`)
	b.Eval(`row41.querySelector('.url').click()`)
	b.Await(`!menu.hidden && menu.textContent.includes('Open in a new tab')`)
}

func TestUnfoldedRowFollowsTheWidth(t *testing.T) {
	s := newServer(t)
	s.add(numbered(1, 100)...)
	e := traceback()
	e.Message += strings.Repeat(" and more words", 30)
	s.add(e) // 101
	s.add(numbered(102, 200)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL + "/#l=101")
	b.Await(`document.querySelector('#row101.selected')`)
	b.Key("o")
	b.Await(`row101.offsetHeight >= 120 && row102.getBoundingClientRect().top === row101.getBoundingClientRect().bottom`)
	wide := b.Eval("String(row101.offsetHeight)")
	y := b.Eval("String(" + seen(101) + ")")
	b.Key("\r") // the details take a part of the width
	b.Await(`!drawer.hidden && row101.offsetHeight > ` + wide + ` && row102.getBoundingClientRect().top === row101.getBoundingClientRect().bottom`)
	if got := b.Eval("String(" + seen(101) + ")"); got != y {
		t.Errorf("the row went from %s to %s px when the details opened", y, got)
	}
}
