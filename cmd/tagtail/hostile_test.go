package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// hostileMessages are what a stranger may send over TCP, a line each: each
// says which it is, and wants to be more than text.
func hostileMessages() []string {
	header := func(host, tag string) string { return "<11>Nov 23 10:42:31 " + host + " " + tag + ": " }
	plain := header("box", "app_dev1")
	return []string{
		plain + `h0 <img src=x onerror="window.pwned=1"><script>window.pwned=1</script><iframe srcdoc="<script>top.pwned=1</script>">`,
		plain + `h1 "><svg/onload=window.pwned=1> javascript:window.pwned=1 https://example.org/"onmouseover="window.pwned=1 data:text/html,<script>`,
		plain + "h2 \u202egnp.exe\u202c \u2066hidden\u2069 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
		plain + "h3 NUL\x00 BEL\x07 DEL\x7f CSI \x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07 8-bit \u009b31m \x1b]8;;javascript:window.pwned=1\x1b\\link\x1b]8;;\x1b\\",
		plain + "h4 bad UTF-8 \xff\xfe \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 cut \xe4\xb8",
		plain + "h5 " + strings.Repeat("A", 64<<10),
		plain + "h6 " + strings.Repeat("Z\u0351\u0348\u0330", 200),
		plain + `h7 {"a":"<b onclick=window.pwned=1>","__proto__":{"x":1},"constructor":"<img src=x onerror=window.pwned=1>"}`,
		plain + `h8 a="<img src=x onerror=window.pwned=1>" b='"><script>window.pwned=1</script>' c=-severity:err d=OR`,
		header(`<b>host</b><img/src=x/onerror=window.pwned=1>`, `<i>app</i>[<u>1</u>]`) + "h9 hostile names",
		header("\u202ebox\u202c", "\x1b[31mapp\x1b[0m_dev1[\u202e1]") + "h10 names with marks",
		header(strings.Repeat("h", 300), strings.Repeat("t", 400)) + "h11 long names",
		`<11>1 2026-11-23T10:42:31Z "><script>window.pwned=1</script> app_dev1 <b>1</b> - [x@1 k="<img src=x onerror=window.pwned=1>\]"] h12 structured`,
		plain + "h13 中文日志：连接超时，" + strings.Repeat("超时", 300),
		plain + "h14 " + strings.Repeat("<div>", 500),
	}
}

func TestHostileEntriesOfTheRealServerStayText(t *testing.T) {
	server, at := startServer(t, serverOptions{dir: t.TempDir()})
	t.Cleanup(server.kill)
	messages := hostileMessages()
	if _, err := io.WriteString(dialTCP(t, at), strings.Join(messages, "\n")+"\n"); err != nil {
		t.Fatal(err)
	}
	b := browsertest.Open(t, "en")
	b.Go(server.link())
	b.Await(`document.querySelector('#pulse')?.textContent === 'Live'`)
	b.Eval(`window.reports = [], addEventListener('securitypolicyviolation', ({blockedURI, violatedDirective}) => reports.push(violatedDirective + ' ' + blockedURI)), 0`)
	for i := range messages {
		b.AwaitLine(fmt.Sprintf("h%d ", i))
	}
	harmless(t, b, "the list")
	b.Shoot("hostile-real")
	for i := range messages {
		open := fmt.Sprintf(`[...document.querySelectorAll('.row[data-seq]')].find((row) => row.querySelector('.c-msg').textContent.includes('h%d '))`, i)
		b.Await(open + ` !== undefined`) // folding the one before may be drawing it anew
		b.Eval(open + `.click(), 0`)
		b.Await(fmt.Sprintf(`drawer.querySelector('.message pre').textContent.includes('h%d ') && drawer.querySelector('.said').textContent !== ''`, i))
		harmless(t, b, fmt.Sprintf("the details of h%d", i))
		b.Shoot(fmt.Sprintf("hostile-real-%d", i))
		b.Key("o")
		harmless(t, b, fmt.Sprintf("h%d unfolded", i))
		b.Key("o")
	}
	b.Key("c")
	b.Await(`drawer.querySelectorAll('.context-line').length > 5`)
	harmless(t, b, "the context")
	b.Key("\u001b")
	b.Eval(`document.querySelector('#export').click()`)
	b.Eval(`[...menu.querySelectorAll('button')].at(-1).click()`)
	b.Await(`document.querySelectorAll('.stat').length > 10`)
	harmless(t, b, "the statistics")
	b.Key("\u001b")

	// A value of each is searched for by its menu, and finds it.
	for _, value := range []string{"h9", "h11", "h12"} {
		b.Key("\u001b")
		row := fmt.Sprintf(`[...document.querySelectorAll('.row[data-seq]')].find((row) => row.querySelector('.c-msg').textContent.includes('%s '))`, value)
		b.Await(row + ` !== undefined`)
		b.Eval(row + `.click(), 0`)
		b.Await(`drawer.querySelector('[data-field=hostname]') !== null && drawer.querySelector('.message pre').textContent.includes('` + value + ` ')`)
		b.Eval(`drawer.querySelector('[data-field=hostname]').click(), [...menu.querySelectorAll('button')].find((one) => one.textContent === 'Search for this only').click()`)
		b.Await(`new URLSearchParams(location.search).get('q')?.startsWith('host:')`)
		b.Await(`counts.textContent.includes('match') && ` + row + ` !== undefined`)
		harmless(t, b, "a search for the host of "+value)
		b.Eval("history.back()")
		b.AwaitLine("h14 ")
	}
	if got := b.Eval(`document.querySelector('[data-facet=app_name]').textContent`); strings.ContainsAny(got, "\u202e\x1b") {
		t.Errorf("a facet turns the direction of text: %q", got)
	}
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.AwaitLine("h14 ")
	harmless(t, b, "the phone")
}

// harmless checks that nothing was executed, that no element was made of text and
// that the page is as wide and as high as the window.
func harmless(t *testing.T, b *browsertest.Tab, where string) {
	t.Helper()
	for expression, want := range map[string]string{
		"String(window.pwned)": "undefined",
		"reports.join()":       "",
		"String(document.querySelectorAll('img, iframe, object, svg:not(.icon):not(.spark):not(.histogram svg), .row b, .row i, .row u, .row div, #drawer script, .canvas script').length)": "0",
		"String(document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight)":                                                                "true",
		"String(drawer.hidden || drawer.querySelector('.drawer-content').scrollWidth <= drawer.clientWidth)":                                                                                "true",
		"String([...document.querySelectorAll('a[href]')].every((a) => /^https?:/.test(a.href)))":                                                                                           "true",
		"String(new Set([...document.querySelectorAll('.row:not(.unfolded):not(.grows)')].map((row) => row.offsetHeight)).size <= 1)":                                                       "true",
	} {
		if got := b.Eval(expression); got != want {
			t.Errorf("%s: %.80s is %q, want %q", where, expression, got, want)
		}
	}
}
