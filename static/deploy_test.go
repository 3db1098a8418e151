package static

import (
	"strings"
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestReleasesArePreviewedDeployedAndRolledBack(t *testing.T) {
	s := newServer(t)
	s.instances, s.me = team(), "dev1"
	s.instances[0].Release = &released()[0]
	s.add(traffic(60)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?i=*")
	b.AwaitLine("uid=48")
	b.Key("i")

	t.Run("a card tells what is live", func(t *testing.T) {
		b.Await(`document.querySelectorAll('.card').length === 7`)
		b.Await(`document.querySelector('[data-card="socketserver/dev1"]').textContent.includes('v43 7ebbf7e')`)
		b.Shoot("deploy-cards")
		b.Click(`[data-card="socketserver/dev1"]`)
		b.Await(`document.querySelectorAll('.release').length === 5`)
		b.Await(`document.querySelector('.live-release').textContent.includes('dev1 by push')`)
		b.Shoot("deploy-releases")
		got := b.Eval(`[...document.querySelectorAll('.release-state')].map((one) => one.textContent).join()`)
		if got != "live,ok,failed,ok,abandoned" {
			t.Errorf("the releases are %s", got)
		}
		if got := b.Eval(`document.querySelectorAll('.release b').length + ' ' + document.querySelector('[data-release="41"] .subject').textContent.slice(0, 14)`); got != "5 UP <b>bold</b>" {
			t.Errorf("a subject is %s: it has become markup", got)
		}
	})
	t.Run("what is not possible says why", func(t *testing.T) {
		b.Await(`document.querySelector('[data-action="order-apply"]').getAttribute('aria-disabled') === 'true'`)
		b.Click(`[data-action="order-apply"]`)
		b.Await(`document.querySelector('.orders .reasons').textContent.includes('make one with tagtail init')`)
		b.Await(`document.querySelector('[data-action="back-40"]').title.includes('not kept any more')`)
		b.Click(`[data-action="back-40"]`)
		b.Await(`toast.textContent.includes('not kept any more')`)
		if got := b.Eval(`String(document.querySelector('.orders .question').hidden)`); got != "true" {
			t.Error("a refused order asks")
		}
	})
	t.Run("a release is compared with what runs", func(_ *testing.T) {
		b.Click(`[data-action="compare-41"]`)
		b.Await(`document.querySelector('[data-release="41"] .diff .in').textContent.includes('<script>')`)
		b.Eval(`document.querySelector('[data-release="41"]').scrollIntoView()`)
		b.Shoot("deploy-release-diff")
		b.Click(`[data-action="compare-41"]`)
		b.Await(`!document.querySelector('.preview-of')`)
	})
	t.Run("nothing is ordered before somebody has seen what it changes", func(t *testing.T) {
		b.Type("#deploy-ref", "dev9\r")
		b.Await(`document.querySelector('.orders > .warn').textContent === 'there is no branch "dev9"'`)
		b.Eval(`document.querySelector('#deploy-ref').value = ''`)
		b.Type("#deploy-ref", "dev2\r")
		b.Await(`document.activeElement.dataset.action === 'place' && document.querySelector('.question .diff')`)
		b.Await(`document.querySelector('.question').textContent.includes('not among the files')`)
		b.Shoot("deploy-preview")
		if s.placed() != "" {
			t.Errorf("the preview has ordered %s", s.placed())
		}
		b.Key("\r")
		s.await(t, "1")
		if got := s.placed(); got != `deploy {"ref":"dev2"}` {
			t.Errorf("ordered %s", got)
		}
		s.finish("1", "running", "", `v44 socketserver/dev1 ← beef1be "UP: guests again" by dev1`, "exported 37 files 212 KiB → releases/000044-beef1be (0.09s)", "lua_code_cache off: live now, no reload needed")
		b.Await(`document.querySelectorAll('.job .line').length === 3 && location.hash === '#job=1' && document.querySelector('[data-action="stop"]').title.startsWith('A job is running')`)
		b.Shoot("deploy-job-running")
		s.finish("1", "failed", "v44: health GET /hhl: 500; v44 is left live, roll back if it has to go", "health GET /hhl → 500", "FAILED: v44: health GET /hhl: 500")
		b.Await(`document.querySelector('.job.failed .line.bad').textContent.includes('FAILED')`)
		b.Shoot("deploy-job-failed")
	})
	t.Run("a rollback asks likewise", func(t *testing.T) {
		b.Click(`[data-action="back-41"]`)
		b.Await(`document.querySelector('.question').textContent.startsWith('Roll socketserver/dev1 back to v41?')`)
		b.Key("\r")
		s.await(t, "2")
		if got := s.placed(); !strings.HasSuffix(got, `rollback {"release":41}`) {
			t.Errorf("ordered %s", got)
		}
		s.finish("2", "succeeded", "", "v45 socketserver/dev1 ← v41")
		b.Await(`document.querySelector('.job.succeeded') && location.hash === '#job=2'`)
	})
	t.Run("the address of a job opens it", func(_ *testing.T) {
		b.Go("about:blank")
		b.Go(s.URL + "/#job=1")
		b.Await(`document.querySelector('.job.failed').textContent.includes('exported 37 files') && location.hash === '#job=1'`)
		b.Await(`document.querySelector('.instance h2').textContent === 'socketserver/dev1'`)
		b.Await(`document.querySelectorAll('.release').length === 5 && document.querySelector('.job h3').getBoundingClientRect().bottom < innerHeight`)
		b.Click(`[data-focus="httpserver/dev3…"]`)
		b.Await(`location.hash === '' && document.querySelector('.instance h2').textContent === 'httpserver/dev3'`)
		b.Eval(`location.hash = '#job=2'`)
		b.Await(`document.querySelector('.job.succeeded') && document.querySelector('.instance h2').textContent === 'socketserver/dev1'`)
		// As the server redirects who is not logged in; the browser keeps the fragment.
		b.Go(s.URL + "/login?next=%2F#job=1")
		b.Await(`document.activeElement.id === 'name' && error.hidden`)
		b.Type("#token", "good\r")
		b.Await(`location.hash === '#job=1' && document.querySelector('.job.failed')`)
		b.Go("about:blank")
		b.Go(s.URL + "/#job=GONE")
		b.Await(`document.querySelector('.instance [role=alert]').textContent.startsWith('There is no job "GONE"')`)
	})
	t.Run("a deploy in the log leads to its job", func(_ *testing.T) {
		s.add(told("DEPLOY", "err", "deploy v44 failed", `job="1" result="failed"`))
		b.Go("about:blank")
		b.Go(s.URL + "/?i=*")
		b.AwaitLine("deploy v44 failed")
		b.Key("k\r")
		b.Click(`[data-action="job"]`)
		b.Await(`document.querySelector('.job.failed') && location.hash === '#job=1'`)
	})
	t.Run("what an instance said while a release ran is found", func(*testing.T) {
		b.Click(`[data-focus="socketserver/dev1…"]`)
		b.Click(`[data-action="entries-41"]`)
		b.Await(`new URLSearchParams(location.search).get('q') === 'deploy:41' && new URLSearchParams(location.search).get('i') === 'socketserver/dev1'`)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.csp) > 0 {
		t.Errorf("the browser reported violations: %v", s.csp)
	}
}

// placed are the orders, one a line.
func (s *server) placed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.orders, "\n")
}
