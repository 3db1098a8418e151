package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tagtail/tagtail/static/browsertest"
)

// Who scrolls back comes to what was imported, in its place above what has arrived,
// and lines go on coming in below.
func TestImportedLinesInTheBrowser(t *testing.T) {
	dir := t.TempDir()
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--keep", "0"}})
	defer server.kill()
	log := writeLines(t, filepath.Join(dir, "access.log"), 0, 700)
	send := func(message string) {
		conn := dialTCP(t, at)
		defer conn.Close()
		if _, err := conn.Write([]byte("<13>" + time.Now().Format(time.Stamp) + " box web_dev1: " + message + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	send("before the import")
	until(t, at, "before the import", "search", "import")
	if _, err := importAll(t, &remoteImporting{client: testClient(t, at)}, importPart, importFlags{}, log); err != nil {
		t.Fatal(err)
	}
	b := browsertest.Open(t, "en")
	b.Go(server.link())
	b.AwaitLine("before the import")
	send("live one")
	b.AwaitLine("live one")

	// Up to the beginning, page by page.
	b.Click("#live")
	b.Await(`document.getElementById('pulse').classList.contains('is-paused')`)
	b.Await(`(scroller.scrollTop = 0, [...document.querySelectorAll('.row[data-seq]')].some((row) => /line 0$/.test(row.querySelector('.c-msg').textContent)))`)
	order := `(() => {
		const seqs = [...document.querySelectorAll('.row[data-seq]')].map((row) => Number(row.dataset.seq));
		return seqs.length > 5 && seqs.every((seq, i) => seq > 2 ** 52 && (i === 0 || seq > seqs[i - 1]));
	})()`
	b.Await(order)

	// Live again, what has come meanwhile is there.
	send("live two")
	b.Click("#live")
	b.AwaitLine("live two")
	send("live three")
	b.AwaitLine("live three")
}
