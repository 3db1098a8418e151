package static

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/tagtail/tagtail/static/browsertest"
)

// told is the server's own entry about a change to what runs.
func told(event, severity, message, data string) entry {
	return entry{
		Received: time.Now().UTC(), Facility: "local5", Severity: severity, Instance: "socketserver/dev1", InstanceBy: "itself",
		AppName: "git-server", MsgID: event, Format: "own", Data: "[deploy@32473 " + data + "]", Message: message,
	}
}

func TestDeploysAreLinesInTheListAndTheHistogram(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(60)...)
	s.deploys = []deployMark{{
		Instance: "socketserver/dev1", Number: 42, Time: time.Now().Add(-20 * time.Second), Kind: "deploy", Result: "succeeded",
		By: "dev1", SHA: "a1b2c3d4e5", Subject: "<b>count</b> what happens",
	}}
	s.add(told("DEPLOY", "notice", "deploy v42 socketserver/dev1 a1b2c3d by dev1", `subject="<b>count</b> what happens" result="succeeded"`))
	s.add(traffic(20)...)
	s.add(told("SIGNAL", "notice", "reload by dev1: done in 0.4 s", `action="reload" result="ok"`))
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL)
	b.AwaitLine("deploy v42 socketserver/dev1 a1b2c3d by dev1 “<b>count</b> what happens”")
	lines := `histogram.querySelector('.histogram-marks').getAttribute('d').split('M').length - 1`
	b.Await(bars + ` && ` + lines + ` === 1`)

	s.add(told("ROLLBACK", "err", "rollback to v41 socketserver/dev1 by dev1: nginx -t says no", `result="failed"`))
	b.AwaitLine("nginx -t says no")
	b.Await(`histogram.querySelector('.failed').getAttribute('d').split('M').length === 2`)
	b.Await(`document.querySelectorAll('.row.deploy').length === 3 && document.querySelector('.row.deploy.bad')`)
	b.Shoot("deploys-light")

	// The keys walk from one to the next.
	b.Key("DDD")
	b.Await(`document.querySelector('.row.selected').textContent.includes('deploy v42')`)
	b.Key("d")
	b.Await(`document.querySelector('.row.selected').textContent.includes('reload by dev1')`)
	// What is pointed at says which it was; the newest bucket has the last.
	b.Eval(`document.querySelector('.histogram-reach').focus()`)
	b.Key(kb.End)
	b.Await(`[...histogram.querySelectorAll('.deploy-told')].some((line) => line.textContent.includes('rollback to v41'))`)
	b.Shoot("deploys-tip")
}
