package static

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// auditor holds the states of a page against WCAG 2.2 AA, by axe-core.
type auditor struct {
	b    *browsertest.Tab
	t    *testing.T
	axe  string          // its source
	told map[string]bool // violations
}

func newAuditor(t *testing.T, b *browsertest.Tab) *auditor {
	t.Helper()
	source, err := os.ReadFile(npmTool(t, "axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return &auditor{b: b, t: t, axe: string(source), told: map[string]bool{}}
}

// axeRules are all of WCAG up to 2.2 AA, and of each violation the elements.
const axeRules = `axe.run(document, {preload: false, resultTypes: ['violations'], runOnly: {type: %q, values: %s}}).then(({violations}) => JSON.stringify(
	violations.flatMap(({id, nodes}) => nodes.map(({target, html, failureSummary}) =>
		id + ' at ' + target.join(' ') + ': ' + html.slice(0, 160) + ' — ' + failureSummary.replace(/\s+/g, ' ').slice(0, 240)))))`

// check fails the test where the state that the page is in breaks a rule.
func (a *auditor) check(state string) {
	a.t.Helper()
	if a.b.Eval(`typeof axe`) == "undefined" {
		a.b.Eval(a.axe + "\n;0")
	}
	a.b.Eval(`document.getAnimations().forEach((one) => one.finish())`)
	a.run(state, "tag", `['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']`)
}

// themes is check, and looks at the colours of the other themes as well.
func (a *auditor) themes(state string) {
	a.t.Helper()
	a.check(state)
	for _, theme := range []string{"dark", "contrast"} {
		a.b.Eval(fmt.Sprintf(`document.documentElement.dataset.theme = %q`, theme))
		a.run(state+", "+theme, "rule", `['color-contrast']`)
	}
	a.b.Eval(`delete document.documentElement.dataset.theme`)
}

func (a *auditor) run(state, by, which string) {
	a.t.Helper()
	var found []string
	if err := json.Unmarshal([]byte(a.b.EvalAsync(fmt.Sprintf(axeRules, by, which))), &found); err != nil {
		a.t.Fatalf("%s: read the audit: %v", state, err)
	}
	for _, violation := range found {
		if !a.told[violation] { // what is on every page is told once
			a.told[violation] = true
			a.t.Errorf("%s: %s", state, violation)
		}
	}
}

func TestEveryStateMeetsWCAG(t *testing.T) {
	s := newServer(t)
	s.instances, s.me, s.lost = team(), "dev1", 1204
	s.instances[0].Release = &released()[0]
	s.views = []view{{Name: "slow", Scope: "mine", Search: "?q=slow"}}
	s.add(traffic(120)...)
	s.add(traceback())
	s.add(repeated(5, "slow query 812ms")...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Do(chromedp.EmulateViewport(1280, 600)) // the rules look at every row
	b.Go(s.URL + "/?i=*")
	b.AwaitLine("slow query 812ms")
	b.Await(bars)
	b.Await(values("severity") + ` !== ''`)
	a := newAuditor(t, b)
	a.themes("live")

	b.Key(" ")
	s.add(traceback())
	b.Await(`live.textContent === '1 new, 1 error'`)
	a.check("paused")
	b.Key("E\r")
	b.Await(`!drawer.hidden && drawer.querySelector('.said [data-field="file"]')`)
	a.themes("details")
	b.Key("c")
	b.Await(`document.querySelectorAll('.context-line').length > 3`)
	a.check("context")
	b.Click(`[data-focus="socketserver/dev1…"]`)
	b.Await(`drawer.textContent.includes('3 h 7 min') && document.querySelectorAll('.release').length === 5`)
	a.themes("instance")
	b.Click(`[data-action="compare-41"]`)
	b.Await(`document.querySelector('.preview-of .diff')`)
	b.Click(`[data-action="order-rollback"]`)
	b.Await(`document.activeElement.dataset.action === 'place'`)
	a.themes("preview")
	b.Key("\r")
	s.await(t, "1")
	s.finish("1", "failed", "health GET /hhl: 500", "FAILED: health GET /hhl: 500")
	b.Await(`document.querySelector('.job.failed .line.bad')`)
	a.themes("job")
	b.Click(`[data-action="all"]`)
	b.Await(`document.querySelectorAll('.card').length > 4`)
	a.themes("cards")
	b.Key("\u001b")

	b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.Await(`palette.open`)
	a.check("palette")
	b.Key("\u001b")
	b.Key("?")
	b.Await(`help.open`)
	a.check("help")
	b.Key("\u001b")
	for state, button := range map[string]string{"range": "#range", "views": "#views", "look": "#look-button", "account": "#account"} {
		b.Click(button)
		b.Await(`document.querySelector('[popover]:popover-open')`)
		a.check(state)
		b.Key("\u001b")
		b.Await(`!document.querySelector('[popover]:popover-open')`)
	}
	openAccount(b)
	b.Type(".token-form [name=label]", "\r")
	b.Await(`document.querySelector('.account-secret')`)
	a.themes("account dialog")
	b.Key("\u001b")
	b.Await(`!document.querySelector('dialog[open]')`)
	b.Click("#export")
	b.Await(`!menu.hidden`)
	a.check("menu")
	b.Eval(`[...menu.querySelectorAll('button')].at(-1).click()`)
	b.Await(`document.querySelectorAll('.stat').length > 4`)
	a.themes("statistics")
	b.Key("\u001b")

	s.stalled = make(chan struct{})
	defer close(s.stalled)
	b.Go(s.URL + "/?q=slow+status:200+level=x")
	b.Await(`chips.children.length === 3 && !notice.hidden`)
	a.themes("empty")
	b.Key("/")
	b.Key(" sev")
	b.Await(`document.querySelectorAll('.option').length > 0`)
	a.check("offers")
	b.Go(s.URL + "/?i=*&q=slow")
	b.AwaitLine("slow query")
	b.Eval(`window.showSaveFilePicker = async () => ({createWritable: async () => ({write: async () => {}, close: async () => {}, abort: async () => {}})}), 0`)
	b.Click("#export")
	b.Click("#menu button")
	b.Await(`document.querySelector('.export progress')`)
	a.check("export")
	s.cut(true)
	b.Await(`!banner.hidden`)
	a.themes("disconnected")
}

// openAccount opens the dialog of one's account.
func openAccount(b *browsertest.Tab) {
	b.Click("#account")
	b.Click("#account-menu [aria-haspopup=dialog]")
	b.Await(`document.querySelectorAll('.people > li').length === 3`)
}

func TestFirstStartLoginAndPhoneMeetWCAG(t *testing.T) {
	s := newServer(t)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	a := newAuditor(t, b)
	b.Go(s.URL + "/login#stale")
	b.Await(`!error.hidden`)
	a.themes("login")
	s.ways = map[string]any{"oidc": map[string]any{"label": "Log in with the team's account"}}
	b.Go(s.URL + "/login?trouble=oidc-link&next=%2F%3Fq%3Dx%2520y")
	b.Await(`!others.hidden && !error.hidden`)
	if got := b.Eval(`provider.getAttribute('href') + ' ' + provider.textContent`); got != "login/oidc?next=%2F%3Fq%3Dx%2520y Log in with the team's account" {
		t.Errorf("the provider's button leads to %s", got)
	}
	a.themes("login-provider")
	b.Shoot("login-provider")
	b.Go(s.URL)
	b.Await(`notice.textContent.includes('logger')`)
	a.check("welcome")
	s.instances = team()
	s.add(traffic(60)...)
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	a.check("phone")
	b.Click("#bar-rail")
	b.Await(`rail.classList.contains('open') && ` + values("severity") + ` !== ''`)
	a.themes("phone-rail")
	b.Click("#bar-rail")
	b.Click(".row:last-child .c-msg")
	b.Await(`!drawer.hidden`)
	a.check("phone-details")
}

func TestHighContrastIsChosenOrAskedForByTheSystem(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	theme := `document.documentElement.dataset.theme`
	ask := func(contrast string) {
		b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-contrast", Value: contrast}, {Name: "prefers-color-scheme", Value: "dark"}},
			})
			return err
		}))
	}
	ask("more")
	b.Await(theme + ` === 'contrast' && getComputedStyle(document.body).backgroundColor === 'rgb(0, 0, 0)'`)
	b.Shoot("contrast-dark")
	ask("no-preference")
	b.Await(theme + ` === undefined`)
	b.Click("#account")
	b.Eval(`[...document.querySelectorAll('.themes button')].find((one) => one.textContent === 'High contrast').click()`)
	b.Await(theme + ` === 'contrast'`)
	b.Shoot("account")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("uid=48")
	b.Await(theme + ` === 'contrast' && getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'`)
	b.Shoot("contrast-light")
}
