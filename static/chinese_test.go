package static

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// leftOver are the English words on the page that neither come from entries and
// their senders nor are the same in Chinese.
const leftOver = `(() => {
	const data = '.row, .value, .option-text, .chip-text, .rail-text, kbd, code, pre, .facet-name, .stat-label, .view-name, .brand, .context-line, ' +
		'.instance-head h2, .offer, .badge, .views-wrong, noscript, script, style, .fields dd, .account-name b, .histogram-tip span, #severity, .data';
	const same = new Set(['Tagtail', 'UTC', 'JSON', 'NDJSON', 'CSV', 'RFC', 'ANSI', 'Esc', 'Ctrl', 'Shift', 'Alt', 'Enter', 'Backspace', 'logger', 'nginx', 'Lua', 'Redis', 'Python',
		'rsyslog', 'syslog', 'MySQL', 'token', 'PID', 'API', 'tagtail', 'serve', 'init', 'pid', 'dev', 'log', 'http', 'https', 'udp', 'tcp']);
	const found = new Set();
	const look = (text, where) => {
		const names = /[\w<>.-]+\/[\w<>.…-]+|\d+[A-Za-z]+|\b[a-z]+(?:_[a-z]+)*_[a-z]+\d*|\bdev\d+\b|"[^"]*"|[a-z]+:\S+/g;
		for (const [word] of text.replace(names, '').matchAll(/[A-Za-z]{3,}/g)) if (!same.has(word)) found.add(word + ' in ' + where + ': ' + text.slice(0, 80));
	};
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const parent = walk.currentNode.parentElement;
		if (!parent.closest(data) && parent.checkVisibility()) look(walk.currentNode.data, parent.className || parent.id || parent.tagName);
	}
	for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [aria-valuetext]')) {
		if (element.closest(data + ', .rail-row, .chip, .facet-row, .view, .stat, .step') || !element.checkVisibility()) continue;
		for (const name of ['aria-label', 'title', 'placeholder', 'aria-valuetext']) look(element.getAttribute(name) ?? '', name);
	}
	return [...found].join('\n');
})()`

func TestChinesePageHasNoEnglishLeft(t *testing.T) {
	s := newServer(t)
	b := browsertest.Open(t, "zh-CN")
	check := func(state string) {
		t.Helper()
		if got := b.Eval(leftOver); got != "" {
			t.Errorf("%s:\n%s", state, got)
		}
	}
	b.Go(s.URL + "/login")
	b.Await(`document.querySelector('label').textContent !== ''`)
	check("login")
	s.ways = map[string]any{"oidc": map[string]any{"label": ""}}
	for _, trouble := range []string{"down", "state", "refused", "token", "role", "name", "link", "disabled", "full", "wait"} {
		b.Go(s.URL + "/login?trouble=oidc-" + trouble)
		b.Await(`!others.hidden && !error.hidden`)
		check("login " + trouble)
	}
	b.Go(s.URL)
	b.Await(`notice.textContent.includes('logger')`)
	check("welcome")
	s.instances, s.me, s.lost = team(), "dev1", 7
	s.instances[0].Release = &released()[0]
	s.instances[0].Actions[0].Refused = "socketserver/dev1 runs already, as process 31497"
	s.instances[3].Detail = "the pid file /srv/dev2/nginx.pid does not name the running process 4711"
	s.add(traffic(120)...)
	s.add(traceback())
	b.Go(s.URL + "/?i=*")
	b.AwaitLine("aborted")
	b.Await(bars + ` && ` + values("severity") + ` !== ''`)
	check("live")
	b.Key("E\r")
	b.Await(`!drawer.hidden && drawer.querySelector('.said [data-field="file"]')`)
	check("details")
	b.Key("c")
	b.Await(`document.querySelectorAll('.context-line').length > 3`)
	check("context")
	b.Click(`[data-focus="socketserver/dev1…"]`)
	b.Await(`drawer.querySelector('.reasons').textContent.includes('已在运行，进程号 31497')`)
	b.Await(`document.querySelectorAll('.release').length === 5`)
	check("instance")
	b.Click(`[data-action="compare-41"]`)
	b.Await(`document.querySelector('.preview-of .diff')`)
	b.Click(`[data-action="order-rollback"]`)
	b.Await(`document.querySelector('.question .diff')`)
	check("preview")
	b.Eval(`document.querySelector('.question .buttons .button:not(.primary)').click()`)
	b.Click(`[data-action="restart"]`)
	b.Await(`drawer.querySelector('.question')`)
	check("question")
	openAccount(b)
	b.Type(".token-form [name=label]", "\r")
	b.Await(`document.querySelector('.account-secret')`)
	check("account dialog")
	b.Shoot("account-chinese")
	b.Key("\u001b")
	b.Await(`!document.querySelector('dialog[open]')`)
	b.Click(`[data-action="all"]`)
	b.Await(`document.querySelectorAll('.card').length > 4`)
	check("cards")
	b.Click(`[data-focus="dtserver/dev2…"]`)
	b.Await(`drawer.textContent.includes('没有记录正在运行的进程 4711')`)
	b.Key("\u001b")
	b.Key("?")
	b.Await(`help.open`)
	check("help")
	b.Key("\u001b")
	b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.Await(`palette.open`)
	if got := b.Eval(`[...document.querySelectorAll('.offer .deed')].map((one) => one.textContent.replace(/NDJSON|CSV|UTC|RFC/g, '')).filter((text) => /[A-Za-z]{3,}/.test(text)).join()`); got != "" {
		t.Errorf("the palette has %s", got)
	}
	b.Key("\u001b")
	for _, button := range []string{"#range", "#views", "#look-button", "#account"} {
		b.Click(button)
		b.Await(`document.querySelector('[popover]:popover-open')`)
		check(button)
		b.Key("\u001b")
		b.Await(`!document.querySelector('[popover]:popover-open')`)
	}
	b.Click("#export")
	b.Await(`!menu.hidden`)
	check("menu")
	b.Eval(`[...menu.querySelectorAll('button')].at(-1).click()`)
	b.Await(`document.querySelectorAll('.stat').length > 4`)
	check("statistics")
	b.Key("\u001b")
	b.Go(s.URL + "/?q=nowhere&from=1h")
	b.Await(`!notice.hidden && counts.textContent.startsWith('0')`)
	check("empty")
	s.cut(true)
	b.Go("about:blank")
	s.change(func() { s.down = false })
	b.Go(s.URL)
	b.AwaitLine("aborted")
	s.cut(true)
	b.Await(`!banner.hidden`)
	check("disconnected")
	if strings.Contains(b.Eval(`document.title`), "new") {
		t.Error("the title is English")
	}
}
