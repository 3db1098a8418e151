// Package browsertest drives a real Chromium for the tests of the page.
//
//	Open → Tab → Go, Click, Key, Await, Eval, Shoot
//
// A missing Chromium skips the test, and fails it under CI. Whatever goes
// wrong ends the test, with a picture of the page where TAGTAIL_SCREENSHOTS
// says. It is for tests only.
package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

// Patience is how long a Tab waits for the page to come to what is expected: a
// machine that is many times slower than a developer's has to pass.
const Patience = 120 * time.Second

// Tab is one page in a real browser.
type Tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp keeps the browser in it
}

// browser is the Chromium that the tests of a package share: to start one for
// each would take longer than most tests.
var browser struct {
	mu   sync.Mutex
	ctx  context.Context //nolint:containedctx // chromedp keeps the browser in it
	stop func()
}

// Main runs the tests of a package, and then ends the browser that they have
// started. The package's TestMain calls it.
func Main(m interface{ Run() int }) int {
	defer func() {
		browser.mu.Lock()
		defer browser.mu.Unlock()
		if browser.stop != nil {
			browser.stop()
		}
	}()
	return m.Run()
}

// Open opens a tab in the given language. It shares no cookie, storage or cache
// with the tabs of other tests, and is closed at the end of the test.
func Open(t *testing.T, language string) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(running(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which may last longer than one action
		t.Fatalf("open a tab: %v", err)
	}
	b := &Tab{t: t, ctx: ctx}
	b.Do(chromedp.EmulateViewport(1440, 900))
	b.speak(language)
	return b
}

// speak makes the tab one of a reader of that language.
func (b *Tab) speak(language string) {
	b.t.Helper()
	agent := b.Eval("navigator.userAgent")
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
			UserAgent: agent, AcceptLanguage: language,
		})
		return err
	}))
}

// running returns the browser, started if it is not.
func running(t *testing.T) context.Context {
	t.Helper()
	path := chromium(t)
	browser.mu.Lock()
	defer browser.mu.Unlock()
	if browser.ctx != nil && browser.ctx.Err() == nil {
		return browser.ctx
	}
	profile, err := os.MkdirTemp("", "tagtail-chromium-") //nolint:usetesting // it outlives the test
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(profile),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", false),
		// chromedp loses a page that comes back from the cache of history.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,BackForwardCache"),
	)
	ctx, cancelBrowser := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(ctx)
	browser.ctx, browser.stop = ctx, func() {
		cancel()
		cancelBrowser()
		_ = os.RemoveAll(profile) // the browser may still be writing its last
	}
	if err := chromedp.Do(ctx); err != nil {
		browser.stop()
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium in PATH: install chromium")
	}
	t.Skip("no Chromium in PATH: install chromium to run the browser tests")
	return ""
}

// Do runs actions one after the other.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// Eval returns the value of a JavaScript expression as text.
func (b *Tab) Eval(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression))
	if err != nil {
		b.t.Fatalf("evaluate %.300s: %v", expression, err)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// EvalAsync returns what a promise resolves to, as text.
func (b *Tab) EvalAsync(expression string) string {
	b.t.Helper()
	b.Eval(fmt.Sprintf("window.evaluated = undefined, void (%s).then((value) => { window.evaluated = String(value) })", expression))
	b.Await("window.evaluated !== undefined")
	return b.Eval("window.evaluated")
}

// MainThread is how long the page's main thread has computed since the first
// call, waiting for a processor not included.
func (b *Tab) MainThread() time.Duration {
	b.t.Helper()
	var seconds float64
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}); err != nil {
			return err
		}
		got, err := cdp.Call(ctx, target, performance.GetMetrics, cdp.Empty{})
		for _, metric := range got.Metrics {
			if metric.Name == "TaskDuration" {
				seconds = metric.Value
			}
		}
		return err
	}))
	return time.Duration(seconds * float64(time.Second))
}

// Await waits until a JavaScript expression is true; what it throws is false.
func (b *Tab) Await(expression string) {
	b.t.Helper()
	safe := fmt.Sprintf("(() => { try { return %s } catch { return false } })()", expression)
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	var err error
	for ctx.Err() == nil {
		if err = poll(ctx, safe); err == nil {
			return
		}
	}
	b.Shoot("failed-" + b.t.Name())
	b.t.Fatalf("wait for %s: %v\npage: %.600s", expression, err, b.Eval("document.body.innerText"))
}

// poll asks the page a few times a second, for some seconds. It does not survive a
// navigation, and may not even hear of it: then the new page has to be asked.
func poll(ctx context.Context, expression string) error {
	const most = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, 2*most)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[any](expression,
		chromedp.WithPollingTimeout(most), chromedp.WithPollingInterval(30*time.Millisecond)))
	return err
}

// AwaitLine waits until the list shows a row with this text.
func (b *Tab) AwaitLine(text string) {
	b.t.Helper()
	b.Await(fmt.Sprintf(`[...document.querySelectorAll('.row')].some((row) => row.textContent.includes(%q))`, text))
}

// Go opens a URL.
func (b *Tab) Go(url string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(url))
}

// Key types keys, as chromedp.KeyEvent writes them.
func (b *Tab) Key(keys string) {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(keys))
}

// Type gives the focus to the first element that a CSS selector finds, once it is
// there, and types keys, as chromedp.KeyEvent writes them. (chromedp.SendKeys
// reads the attributes of an element while they are written.)
func (b *Tab) Type(selector, keys string) {
	b.t.Helper()
	b.Await(fmt.Sprintf("document.querySelector(%[1]q).checkVisibility() && (document.querySelector(%[1]q).focus(), document.activeElement === document.querySelector(%[1]q))", selector))
	b.Key(keys)
}

// Click clicks the first element that a CSS selector finds, once it is there.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.Press(selector, 1)
}

// Press presses the left button of the mouse once, or twice for a double click,
// in the middle of the first element that a CSS selector finds, once it is there,
// nothing covers it and it stays where it is. What has moved away before the
// mouse was there is pressed again.
func (b *Tab) Press(selector string, times int) {
	b.t.Helper()
	for {
		b.Await(fmt.Sprintf(`(() => {
			const element = document.querySelector(%q), before = window.pressed;
			element.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: 'instant'});
			const {left, right, top, bottom} = element.getBoundingClientRect();
			const x = (Math.max(left, 0) + Math.min(right, innerWidth)) / 2, y = (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2;
			const hit = document.elementFromPoint(x, y);
			window.pressed = {x, y, hit: false};
			if (before?.x !== x || before?.y !== y || !element.checkVisibility() || hit === null || !(element.contains(hit) || hit.contains(element))) return false;
			const here = window.pressed, there = ({target}) => { here.hit = element.contains(target) || target.contains(element); };
			addEventListener('pointerdown', there, {capture: true, once: true});
			return true;
		})()`, selector))
		var at struct{ X, Y float64 }
		if err := json.Unmarshal([]byte(b.Eval("window.pressed")), &at); err != nil {
			b.t.Fatal(err)
		}
		b.Eval("window.under = window.pressed, window.pressed = undefined")
		for i := range times {
			count := func(p *input.DispatchMouseEventParams) { p.ClickCount = int64(i + 1) }
			b.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, at.X, at.Y, chromedp.ButtonLeft, count),
				chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, at.X, at.Y, chromedp.ButtonLeft, count))
		}
		if !b.missed() {
			return
		}
	}
}

// missed tells whether the mouse was pressed beside its element. A click may have
// opened another page, which does not know.
func (b *Tab) missed() bool {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	missed, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("window.under !== undefined && !window.under.hit"))
	return err == nil && missed
}

// Wheel turns the mouse wheel over the list; up is negative.
func (b *Tab) Wheel(delta float64) {
	b.t.Helper()
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: input.DispatchMouseEventTypeMouseWheel, X: 700, Y: 500, DeltaY: delta,
			DeltaX: 0.001, // the protocol wants it, and the library leaves out a zero
		})
		return err
	}))
}

// Scheme makes the page see a preference for "light" or "dark".
func (b *Tab) Scheme(name string) {
	b.t.Helper()
	b.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// Shoot keeps a picture of the page where TAGTAIL_SCREENSHOTS says.
func (b *Tab) Shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("TAGTAIL_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	name = strings.ReplaceAll(name, "/", "-")
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
