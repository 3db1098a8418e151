package static

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tagtail/tagtail/static/browsertest"
)

// inList is true once the keyboard is the list's again.
const inList = `document.activeElement.id === 'scroller'`

// focusSeen is true if what has the focus is in sight and shows it.
const focusSeen = `(() => {
	const box = document.activeElement.getBoundingClientRect();
	const style = getComputedStyle(document.activeElement);
	const shown = (parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== 'none') || style.boxShadow !== 'none';
	return document.activeElement !== document.body && box.width > 0 && box.top >= 0 && box.bottom <= innerHeight && style.opacity === '1' && shown;
})()`

// A day's work without a pointer.
func TestEverythingIsDoneByKeys(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(120)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	b.Await(inList)

	// A synthetic key types although its keydown is cancelled: \b takes it back.
	b.Key("/")
	b.Await(`document.activeElement.id === 'q' && ` + focusSeen)
	b.Key("\bslow\r")
	b.Await(`location.search === '?q=slow' && ` + inList)
	b.Await(`counts.textContent.startsWith('5 matches') && document.querySelectorAll('.row').length === 5 && pulse.textContent === 'Live'`)

	b.Key("kkj")
	b.Await(`document.querySelectorAll('.row')[4].classList.contains('selected')`)
	b.Key("\r")
	b.Await(`drawer.querySelector('.details') && !drawer.hidden`)
	b.Key("c")
	b.Await(`drawer.querySelectorAll('.context-line').length > 3`)
	b.Key("\u001b")
	b.Await(`drawer.hidden && document.querySelector('.row.selected') && ` + inList)

	// Leave out a value, and take it back.
	b.Key("x")
	b.Await(`!menu.hidden && document.activeElement.textContent === '-severity:warning' && ` + focusSeen)
	b.Key(kb.ArrowDown + "\r")
	b.Await(`location.search === '?q=slow+-instance:socketserver/dev1' && menu.hidden && ` + inList)
	b.Await(`notice.textContent.includes('Nothing matches')`)
	b.Key("/")
	b.Key("\bslow\r")
	b.Await(`location.search === '?q=slow' && ` + inList)
	b.AwaitLine("slow query")
	// Add one: the row's menu has its values at its end.
	b.Key("k")
	b.Key("m")
	b.Await(`!menu.hidden`)
	b.Key(kb.ArrowUp + kb.ArrowUp + "\r")
	b.Await(`menu.textContent.startsWith('Add to the search') && ` + focusSeen)
	b.Key("\r")
	b.Await(`/^[?]q=slow[+]./.test(location.search) && ` + inList)

	b.Key("G")
	b.Await(`pulse.textContent === 'Live'`)
	b.Key(" ")
	b.Await(`pulse.textContent === 'Paused'`)
	b.Key(" ")
	b.Await(`pulse.textContent === 'Live'`)

	b.Eval(`Object.assign(URL, {createObjectURL: (blob) => (window.saved = blob.size, 'blob:x')}), delete window.showSaveFilePicker`)
	b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.Await(`palette.open && document.activeElement.classList.contains('palette-box')`)
	b.Key("ndjson\r")
	b.Await(`!palette.open && window.saved > 0 && ` + inList)

	b.Key("s")
	b.Await(`document.activeElement.id === 'view-name' && ` + focusSeen)
	b.Key("\bevery morning\r")
	b.Await(`toast.textContent === 'Saved as every morning' && ` + inList)

	b.Key("r")
	b.Await(`document.querySelector('#range-form:popover-open') && document.activeElement.tagName === 'INPUT' && ` + focusSeen)
	b.Key("\b1h\r")
	b.Await(`location.search.endsWith('&from=1h') && ` + inList)
	b.Key("r")
	b.Await(`document.querySelector('#range-form:popover-open')`)
	b.Key("\u001b")
	b.Await(`!document.querySelector('#range-form:popover-open') && ` + inList)

	b.Key("?")
	b.Await(`help.open && ['/', 'Space', 'G', 'g', 'j', 'k', 'Enter', 'c', 'y', 'e', 'E', 'x', 't', 'w', '?', 'Ctrl K', 'Esc'].every((key) =>
		[...help.querySelectorAll('kbd')].some((one) => one.textContent === key))`)
	b.Key("\u001b")
	b.Await(`!help.open && ` + inList)
}

func TestTabReachesEverythingAndShowsWhereItIs(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	b.Await(values("severity") + ` !== '' && ` + bars)
	b.Eval(`window.reached = [], document.querySelector('.brand').focus()`)
	for range 80 {
		b.Key("\t")
		if b.Eval(`String(document.activeElement === document.body || document.activeElement.className === 'brand')`) == "true" {
			break
		}
		if b.Eval(`reached.push(document.activeElement.id || document.activeElement.dataset.focus || document.activeElement.className), String(`+focusSeen+`)`) != "true" {
			t.Errorf("%s has the focus and does not show it", b.Eval(`document.activeElement.outerHTML.slice(0, 200)`))
		}
	}
	for _, want := range []string{"q", "views", "range", "live", "account", "*", "redis/dev1", "redis/dev1…", "histogram-reach", "histogram-toggle", "export", "zone", "look-button", "scroller"} {
		if b.Eval("String(reached.includes('"+want+"'))") != "true" {
			t.Errorf("Tab does not reach %s: %s", want, b.Eval("reached.join()"))
		}
	}
}
