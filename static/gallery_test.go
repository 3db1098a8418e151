package static

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// TestGallery takes a picture of the states that a person has to look at, where
// TAGTAIL_SCREENSHOTS says; without that it has nothing to do.
func TestGallery(t *testing.T) {
	if os.Getenv("TAGTAIL_SCREENSHOTS") == "" {
		t.Skip("TAGTAIL_SCREENSHOTS names no folder for the pictures")
	}
	for _, language := range []string{"en", "zh-CN"} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(language+"-"+scheme, func(t *testing.T) {
				gallery(t, language, scheme)
			})
		}
	}
}

// crowd is a team whose rail is far longer than the screen.
func crowd() []instance {
	var all []instance
	for i := range 200 {
		state := []string{"running", "running", "running", "stopped", "failed"}[i%5]
		owner := fmt.Sprintf("dev%d", i/4+1)
		service := []string{"socketserver", "httpserver", "dtserver", "redis"}[i%4]
		all = append(all, instance{Instance: service + "/" + owner, Service: service, Owner: owner, State: state, Rate: float64(i%7) * 0.8, Entries: 10})
	}
	return all
}

func gallery(t *testing.T, language, scheme string) {
	s := newServer(t)
	s.instances, s.me = team(), "dev1"
	s.instances[0].Release = &released()[0]
	s.views = []view{{Scope: "me", Name: "slow queries", By: "dev1", Search: "?q=slow"}, {Scope: "team", Name: "all errors", By: "dev2", Search: "?q=severity>=err"}}
	s.add(traffic(300)...)
	s.add(traceback())
	s.jobs["1"] = &job{ID: "1", Instance: "socketserver/dev1", Action: "deploy", By: "dev1", State: "running", Started: time.Now()}
	s.finish("1", "failed", "v44: health GET /hhl: 500", "exported 37 files 212 KiB → releases/000044-beef1be (0.09s)", "FAILED: v44: health GET /hhl: 500")
	s.add(repeated(5, "slow query 812ms")...)
	b := browsertest.Open(t, language)
	b.Scheme(scheme)
	shoot := func(name string) {
		b.Shoot("gallery-" + name + "-" + scheme + "-" + language)
	}
	b.Go(s.URL + "/?i=*")
	b.AwaitLine("slow query 812ms")
	b.Await(bars + ` && ` + values("severity") + ` !== ''`)
	shoot("live")
	for name, button := range map[string]string{"range": "#range", "views": "#views", "look": "#look-button", "account": "#account"} {
		b.Click(button)
		b.Await(`document.querySelector('[popover]:popover-open')`)
		shoot(name)
		b.Key("\u001b")
		b.Await(`!document.querySelector('[popover]:popover-open')`)
	}
	b.Eval(`scroller.focus()`) // it was the button's again
	b.Key("E\r")
	b.Await(`!drawer.hidden && drawer.querySelector('.said [data-field="file"]')`)
	shoot("details")
	b.Key("c")
	b.Await(`document.querySelectorAll('.context-line').length > 3`)
	shoot("context")
	b.Click(`[data-focus="socketserver/dev1…"]`)
	b.Await(`drawer.querySelector('.actions')`)
	b.Await(`document.querySelectorAll('.release').length === 5`)
	shoot("instance")
	b.Click(`[data-action="compare-41"]`)
	b.Await(`document.querySelector('.preview-of .diff')`)
	b.Click(`[data-action="order-rollback"]`)
	b.Await(`document.querySelector('.question .diff')`)
	shoot("deploy")
	b.Click(`[data-action="all"]`)
	b.Await(`document.querySelectorAll('.card').length > 4`)
	shoot("cards")
	b.Key("\u001b")
	b.Do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.Await(`palette.open`)
	shoot("palette")
	b.Key("\u001b")
	b.Key("?")
	b.Await(`help.open`)
	shoot("help")
	b.Key("\u001b")
	b.Click("#export")
	b.Eval(`[...menu.querySelectorAll('button')].at(-1).click()`)
	b.Await(`document.querySelectorAll('.stat').length > 4`)
	shoot("statistics")
	b.Key("\u001b")
	b.Go(s.URL + "/?q=nowhere+status:200+level=x&from=1h")
	b.Await(`!notice.hidden && chips.children.length === 3`)
	shoot("empty")
	b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.Go(s.URL + "/?i=*&q=slow")
	b.AwaitLine("slow query")
	shoot("phone")
	b.Click("#bar-rail")
	b.Await(`rail.classList.contains('open')`)
	shoot("phone-rail")
	b.Click("#bar-rail")
	b.Click(".row:last-child .c-msg")
	b.Await(`!drawer.hidden`)
	shoot("phone-details")
	b.Go(s.URL + "/?i=socketserver%2Fdev1#job=1")
	b.Await(`document.querySelectorAll('.release').length === 5 && document.querySelector('.job.failed')`)
	b.Eval(`document.querySelector('.job').scrollIntoView()`)
	shoot("phone-deploy")
	b.Do(chromedp.EmulateViewport(1440, 900, chromedp.EmulateScale(1)))
	s.cut(true)
	b.Await(`!banner.hidden`)
	shoot("disconnected")
	s.cut(false)
	s.change(func() { s.instances = crowd() })
	b.Go(s.URL + "/?i=*")
	b.Await(`document.querySelectorAll('.rail-row').length > 190 && document.querySelectorAll('.row').length > 20`)
	shoot("crowd")
}

// TestPictures takes those of the documents: TAGTAIL_SCREENSHOTS=$PWD/docs.
func TestPictures(t *testing.T) {
	if os.Getenv("TAGTAIL_SCREENSHOTS") == "" {
		t.Skip("TAGTAIL_SCREENSHOTS names no folder for the pictures")
	}
	s := newServer(t)
	s.instances, s.me = team(), "dev1"
	s.add(traffic(280)...)
	s.add(told("DEPLOY", "notice", "deploy v43 socketserver/dev1 7ebbf4f by dev1", `subject="fix login" result="succeeded"`))
	s.deploys = []deployMark{{
		Instance: "socketserver/dev1", Number: 43, Time: time.Now(), Kind: "deploy", Result: "succeeded", By: "dev1", SHA: "7ebbf4f", Subject: "fix login",
	}}
	late := traffic(12)
	for i := range late {
		late[i].Received = time.Now().Add(time.Duration(i*437) * time.Millisecond).UTC()
		late[i].Time = late[i].Received
	}
	crash := traceback()
	crash.Received, crash.Time = late[7].Received, late[7].Time
	s.add(late[:8]...)
	s.add(crash)
	s.add(late[8:]...)
	b := browsertest.Open(t, "en")
	for _, scheme := range []string{"light", "dark"} {
		suffix := map[string]string{"light": "", "dark": "-dark"}[scheme]
		b.Scheme(scheme)
		b.Do(chromedp.EmulateViewport(1440, 900))
		b.Go(s.URL + "/?i=*")
		b.AwaitLine("fix login")
		b.Await(bars + ` && ` + values("severity") + ` !== ''`)
		b.Key("E\r")
		b.Await(`!drawer.hidden && drawer.querySelector('.said [data-field="file"]')`)
		b.Await(`document.getAnimations().every((one) => one.playState === 'finished')`)
		b.Shoot("page" + suffix)
		b.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
		b.Go(s.URL + "/?i=socketserver/dev1")
		b.AwaitLine("fix login")
		b.Await(`document.getAnimations().every((one) => one.playState === 'finished')`)
		b.Shoot("phone" + suffix)
		b.Do(chromedp.EmulateViewport(1440, 900, chromedp.EmulateScale(1)))
	}
}
