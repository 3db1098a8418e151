package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestTooMuchToReadIsSampledAndAllIsKept(t *testing.T) {
	server, at := startServer(t, serverOptions{dir: t.TempDir()})
	t.Cleanup(server.kill)
	conn := dialTCP(t, at)
	b := browsertest.Open(t, "en")
	b.Go(server.link())
	b.Await(`document.querySelector('#pulse')?.textContent === 'Live'`)
	b.Go(at.Server + "/?q=numbered")
	b.Await(`counts.textContent.startsWith('0 matches')`)

	last := 0
	const most = 3_000_000 // the faster the machine, the more come before the page says so
	for last < most && b.Eval(`String(!sample.hidden && sample.textContent.includes('Too fast to read'))`) != "true" {
		var burst strings.Builder
		for range 2500 {
			last++
			severity := 134
			if last%10 == 0 {
				severity = 131
			}
			fmt.Fprintf(&burst, "<%d>app_dev1: numbered %d.\n", severity, last)
		}
		if _, err := io.WriteString(conn, burst.String()); err != nil {
			t.Fatal(err)
		}
	}
	if last >= most {
		t.Fatal("the page never says that it is too much to read")
	}
	b.Shoot("too-fast")
	if got := b.Eval(`[...sample.querySelectorAll('button')].filter((button) => !button.hidden).map((button) => button.textContent).join()`); got != "Show all,What is it?" {
		t.Errorf("while it is too much the page offers %q", got)
	}
	// The counts are those of all.
	matches := grouped(last)
	b.Await(fmt.Sprintf(`counts.textContent.startsWith('%s matches')`, matches))
	b.Await(fmt.Sprintf(`histogram.querySelector('svg').getAttribute('aria-label').includes('%s entries, %s errors')`, matches, grouped(last/10)))
	// It ends by itself, and what was not shown is a click away.
	b.Await(`sample.textContent.includes('entries here were not shown')`)
	b.Shoot("was-too-fast")
	b.Click("#sample button")
	b.Await(`sample.hidden && pulse.textContent === 'Paused' && document.querySelector('.row.selected')`)
	b.Await(`(() => {
		const numbers = [...document.querySelectorAll('.row[data-seq]')].map((row) => Number(/numbered (\d+)/.exec(row.textContent)[1]));
		return numbers.length > 20 && numbers.every((n, i) => i === 0 || n === numbers[i - 1] + 1);
	})()`)
}

// grouped is a number as an English page writes it.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
