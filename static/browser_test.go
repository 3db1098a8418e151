package static

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for the page to come to what it expects.
const patience = 20 * time.Second

// tab is one page in a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// browser starts a Chromium with a fresh profile, in the given language.
func browser(t *testing.T, language string) *tab {
	t.Helper()
	path := chromium(t)
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", language), chromedp.Flag("accept-lang", language),
		chromedp.Flag("hide-scrollbars", false),
	)
	ctx, cancelBrowser := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		cancel()
		cancelBrowser()
	})
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.EmulateViewport(1440, 900))
	return b
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

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	raw, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]byte](expression))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// await waits until a JavaScript expression is true; what it throws is false.
func (b *tab) await(expression string) {
	b.t.Helper()
	safe := fmt.Sprintf("(() => { try { return %s } catch { return false } })()", expression)
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		_, err = chromedp.Run(b.ctx, chromedp.Poll[any](safe, chromedp.WithPollingTimeout(time.Until(deadline))))
		if err == nil {
			return
		}
		// A poll does not survive a navigation: ask the new page.
	}
	b.shoot("failed-" + b.t.Name())
	b.t.Fatalf("wait for %s: %v\npage: %.600s", expression, err, b.eval("document.body.innerText"))
}

// awaitLine waits until the list shows a row with this text.
func (b *tab) awaitLine(text string) {
	b.t.Helper()
	b.await(fmt.Sprintf(`[...document.querySelectorAll('.row')].some((row) => row.textContent.includes(%q))`, text))
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

func (b *tab) key(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// wheel turns the mouse wheel over the list; up is negative.
func (b *tab) wheel(delta float64) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: input.DispatchMouseEventTypeMouseWheel, X: 700, Y: 500, DeltaY: delta,
			DeltaX: 0.001, // the protocol wants it, and the library leaves out a zero
		})
		return err
	}))
}

func (b *tab) scheme(name string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// shoot keeps a picture of the page where TAGTAIL_SCREENSHOTS says.
func (b *tab) shoot(name string) {
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
