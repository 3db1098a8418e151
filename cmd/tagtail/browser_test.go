package main

import (
	"fmt"
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestTheWholeJobInTheBrowser(t *testing.T) {
	need(t, "nginx")
	team := newTeam(t)
	server, _ := team.serve(t)
	b := browsertest.Open(t, "en")

	b.Go(server.link())
	b.Await(existsInstance("socketserver/dev1"))
	for _, owner := range []string{"dev1", "dev2"} {
		control(b, "socketserver/"+owner, "start", "running")
		team.endsNginx(t, owner)
	}
	b.Key("\x1b")

	// A line comes into the page that is open.
	team.request(t, "dev1", "say=warm-up")
	b.AwaitLine("warm-up")
	b.Eval("window.sameDocument = true")
	team.request(t, "dev1", "say=needle-of-dev1")
	b.AwaitLine("needle-of-dev1")
	if b.Eval("window.sameDocument") != "true" {
		t.Error("the page was loaded anew")
	}

	// A Lua error with its traceback is one row, and one entry.
	team.request(t, "dev2", "crash=1")
	search(b, "aborted traceback")
	b.Await(rowCount("", 1) + " && " + rowCount("attempt to index local 'bag'", 1))

	search(b, "main.lua")
	b.Await(rowsOf("dev1") + " > 0 && " + rowsOf("dev2") + " > 0")
	b.Click(`#rail button[data-focus="socketserver/dev1"]`)
	b.Await(rowsOf("dev1") + " > 0 && " + rowsOf("dev2") + " === 0")

	// Paused, nothing moves; then everything is there.
	b.Click("#live")
	b.Await(`document.getElementById('pulse').classList.contains('is-paused')`)
	team.request(t, "dev1", "say=while-paused")
	b.Await(`/\d+ new/.test(document.getElementById('live').textContent)`)
	if b.Eval(rowCount("while-paused", 0)) != "true" {
		t.Error("a line came into the list while it was paused")
	}
	b.Click("#live")
	b.AwaitLine("while-paused")

	search(b, "main.lua needle")
	b.Await(rowCount("", 1) + " && " + rowCount(said("needle-of-dev1"), 1))

	// After a restart it is found again.
	server.stop(t)
	server, _ = team.serve(t)
	b.Go(server.link())
	b.Await(existsInstance("socketserver/dev1"))
	search(b, "main.lua needle")
	b.Await(rowCount("", 1) + " && " + rowCount(said("needle-of-dev1"), 1))

	// The nginx that runs outlived the server, and is known again.
	control(b, "socketserver/dev1", "stop", "stopped")
}

func TestTheDemoIsAliveInTheBrowser(t *testing.T) {
	dir := t.TempDir()
	server, at := startServer(t, serverOptions{command: "demo", dir: dir})
	t.Cleanup(func() {
		server.kill()
		killBelow(dir)
	})
	b := browsertest.Open(t, "en")
	until(t, at, "stack traceback", "search", "is:trace")
	b.Go(server.link())
	b.Await(existsInstance("socketserver/dev4") + " && " + existsInstance("mysql/shared"))
	b.Await(`document.querySelectorAll('#rail .dot.running').length >= 10`)
	b.Eval("window.firstCount = document.getElementById('counts').textContent")
	b.Await("document.getElementById('counts').textContent !== window.firstCount")
	b.Await(`document.querySelectorAll('.row[data-seq]').length > 40`)

	// The picture of the README: a traceback, unfolded at the side.
	b.Key("G")
	b.Await(`[...document.querySelectorAll('.row.bad')].some((row) => row.textContent.includes('aborted'))`)
	b.Eval(`[...document.querySelectorAll('.row.bad')].filter((row) => row.textContent.includes('aborted')).at(-1)
		.querySelector('.c-msg').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))`)
	b.Key("E")
	b.Key("\r")
	b.Await(`document.querySelector('#drawer:not([hidden])') !== null`)
	b.Shoot("page")
	control(b, "socketserver/dev2", "stop", "stopped")
	b.Shoot("control")
	server.stop(t)
}

// search puts a text into the search box, in place of what was there.
func search(b *browsertest.Tab, text string) {
	b.Key("/")
	b.Eval("document.getElementById('q').select()")
	b.Key(text + "\r")
}

// control opens an instance, runs an action with its button and waits for the
// state.
func control(b *browsertest.Tab, instance, action, state string) {
	b.Click(fmt.Sprintf(`#rail button[data-focus="%s…"]`, instance))
	button := fmt.Sprintf(`#drawer [data-action=%q]:not([disabled])`, action)
	b.Await(fmt.Sprintf(`document.querySelector(%q) !== null`, button))
	b.Click(button)
	if action == "stop" {
		b.Click(`#drawer [data-action="yes"]`)
	}
	b.Await(fmt.Sprintf(`document.querySelector('#drawer .dot.%s') !== null`, state))
}

func existsInstance(name string) string {
	return fmt.Sprintf(`document.querySelector('#rail button[data-focus=%q]') !== null`, name)
}

// said is how a row shows a message of testdata/src/main.lua, among the lines that
// nginx's own debug log writes of the same request.
func said(text string) string { return "[lua] main.lua:7: " + text }

// rowCount is true when so many rows of the list hold the text.
func rowCount(text string, n int) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.row[data-seq]')].filter((row) => row.textContent.includes(%q)).length === %d`,
		text, n)
}

// rowsOf is the number of rows of an owner's instances that the list shows.
func rowsOf(owner string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('.row[data-seq] .c-inst')].filter((cell) => cell.textContent.endsWith(%q)).length`, "/"+owner)
}
