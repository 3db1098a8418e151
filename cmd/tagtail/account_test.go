package main

import (
	"io"
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

// An administrator makes an account on the page; its person logs in with the
// link, sees what is theirs, and keeps a password, sessions and tokens.
func TestAccountsOnThePage(t *testing.T) {
	server, at := startServer(t, serverOptions{dir: t.TempDir()})
	t.Cleanup(server.kill)
	if _, err := io.WriteString(dialTCP(t, at), "<134>web_dev1: of dev1\n<134>web_dev2: of dev2\n<134>mysqld_shared: of all\n"); err != nil {
		t.Fatal(err)
	}
	boss := browsertest.Open(t, "en")
	boss.Scheme("light")
	boss.Go(server.link())
	boss.AwaitLine("of dev2")
	openAccount(boss)
	boss.Await(`document.querySelector('.account-body').textContent.includes('administrator that the server starts with')`)
	boss.Type(".person-form input", "dev1\r")
	boss.Await(`document.querySelector('[data-person=dev1]') && document.querySelector('.account-secret code').textContent.includes('/login#')`)
	boss.Shoot("account-people")
	link := boss.Eval(`document.querySelector('.account-secret code').textContent`)
	boss.Await(`document.querySelector('.person-form input').value === ''`)
	boss.Type(".person-form input", "dev1\r")
	boss.Await(`document.querySelector('.person-form .warn').textContent === 'There is an account dev1 already.'`)
	boss.Eval(`document.querySelector('.person-form input').value = '', ''`)
	boss.Type(".person-form input", "Nobody\r")
	boss.Await(`document.querySelector('.person-form .warn').textContent.includes('must begin with a letter')`)

	dev := browsertest.Open(t, "en")
	dev.Scheme("dark")
	dev.Go(link)
	dev.AwaitLine("of dev1")
	dev.AwaitLine("of all")
	if got := dev.Eval("document.body.textContent.includes('of dev2') || document.body.textContent.includes('/dev2')"); got != "false" {
		t.Error("dev1 reads what is dev2's")
	}
	openAccount(dev)
	dev.Await(`document.querySelector('.sessions').textContent.includes('this browser')`)
	dev.Type(".password-form [name=new]", "long enough for dev1\r")
	dev.Await(`toast.textContent.startsWith('The password is set')`)
	dev.Type(".token-form [name=label]", "laptop\r")
	dev.Await(`document.querySelector('.account-secret code').textContent.startsWith('tagtail_') && document.querySelector('.tokens').textContent.includes('laptop')`)
	dev.Shoot("account")
	if got := dev.Eval(`String(document.querySelector('.people'))`); got != "null" {
		t.Error("dev1 sees the people")
	}
	dev.Click(".tokens .button")
	dev.Await(`document.querySelector('.tokens').textContent.includes('You have none')`)

	boss.Type("[data-person=dev1] .grant-form [name=instance]", "web/dev2\r")
	boss.Await(`document.querySelector('[data-person=dev1] .chip').textContent.includes('web/dev2')`)
	boss.Shoot("account-granted")
	dev.Go(at.Server + "/?i=*") // without it, the page opens with one's own
	dev.AwaitLine("of dev2")
	boss.Click("[data-person=dev1] .chip .plain")
	dev.Await(`!document.querySelector('.log').textContent.includes('of dev2') && document.querySelector('.log').textContent.includes('of dev1')`)

	boss.Await(`!document.querySelector('[data-person=dev1] .chip')`)
	boss.Eval(`[...document.querySelectorAll('[data-person=dev1] .button')].find((button) => button.textContent === 'Keep out').click()`)
	dev.Await(`location.pathname === '/login'`)
	boss.Eval(`[...document.querySelectorAll('[data-person=dev1] .button')].find((button) => button.textContent === 'Let in')?.click()`)
	boss.Await(`[...document.querySelectorAll('[data-person=dev1] .button')].some((button) => button.textContent === 'Keep out')`)
	dev.Type("#name", "dev1")
	dev.Type("#token", "long enough for dev1\r")
	dev.AwaitLine("of dev1")
}

func openAccount(b *browsertest.Tab) {
	b.Click("#account")
	b.Click("#account-menu [aria-haspopup=dialog]")
	b.Await(`document.querySelector('.account-body h3') !== null`)
}
