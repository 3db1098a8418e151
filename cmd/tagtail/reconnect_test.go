package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// cable is a TCP proxy in front of a server that can be cut through.
type cable struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener, to: to, conns: map[net.Conn]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.serve()
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		c.set(true)
		<-done
	})
	return c
}

func (c *cable) url() string { return "http://" + c.listener.Addr().String() }

// set cuts the cable, all that goes through it included, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	for conn := range c.conns {
		if cut {
			_ = conn.Close()
		}
	}
}

func (c *cable) serve() {
	for {
		in, err := c.listener.Accept()
		if err != nil {
			return
		}
		if out, err := net.Dial("tcp", c.to); err != nil || !c.keep(in, out) {
			_ = in.Close()
		} else {
			go c.carry(in, out)
			go c.carry(out, in)
		}
	}
}

// keep notes both ends, unless the cable is cut.
func (c *cable) keep(in, out net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		_ = out.Close()
		return false
	}
	c.conns[in], c.conns[out] = true, true
	return true
}

func (c *cable) carry(from, to net.Conn) {
	_, _ = io.Copy(to, from) // it ends when either is closed
	_, _ = from.Close(), to.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, from)
}

// sendNumbered sends 1,000 entries a second, those behind mark with a word more,
// until stop is closed; then it returns the last number.
func sendNumbered(conn io.Writer, mark, stop <-chan struct{}) (last int, err error) {
	word := ""
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return last, nil
		case <-mark:
			mark, word = nil, " later"
		case <-tick.C:
			var batch strings.Builder
			for range 10 {
				last++
				fmt.Fprintf(&batch, "<134>app_dev1: numbered %d%s.\n", last, word)
			}
			if _, err := io.WriteString(conn, batch.String()); err != nil {
				return last, err
			}
		}
	}
}

// collect goes through the whole list and returns how many numbers it has, the
// first and the last of them, and how many entries say what another says.
const collect = `(async () => {
	const seqs = new Map();
	let doubled = 0;
	const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
	const drawn = () => {
		const rows = [...document.querySelectorAll('.row')].map((row) => row.getBoundingClientRect());
		const {top, bottom} = scroller.getBoundingClientRect();
		const first = Math.min(...rows.map((row) => row.top)), last = Math.max(...rows.map((row) => row.bottom));
		return (first <= top || scroller.scrollTop < 100) && (last >= bottom || scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1);
	};
	for (scroller.scrollTop = 0; ; scroller.scrollTop += scroller.clientHeight) {
		do await frame(); while (!drawn());
		await frame();
		for (const row of document.querySelectorAll('.row[data-seq]')) {
			const found = /numbered (\d+)/.exec(row.textContent);
			if (!found) continue;
			const there = seqs.get(Number(found[1]));
			if (there !== undefined && there !== row.dataset.seq) doubled++;
			seqs.set(Number(found[1]), row.dataset.seq);
		}
		if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1) break;
	}
	const all = [...seqs.keys()].sort((a, b) => a - b);
	return [all.length, all[0], all.at(-1), doubled].join(' ');
})()`

func TestNothingIsLostOverACutOfTheConnection(t *testing.T) {
	cutFor := 3 * time.Second
	if os.Getenv("TAGTAIL_SOAK") != "" {
		cutFor = 30 * time.Second
	}
	server, at := startServer(t, serverOptions{dir: t.TempDir()})
	t.Cleanup(server.kill)
	u, err := url.Parse(at.Server)
	if err != nil {
		t.Fatal(err)
	}
	cable := newCable(t, u.Host)
	open := func(search string) *browsertest.Tab {
		b := browsertest.Open(t, "en")
		b.Go(cable.url() + "/login#" + at.Token)
		b.Do(chromedp.EmulateViewport(1000, 400)) // three of them draw a thousand rows a second
		b.Await(`document.querySelector('#pulse')?.textContent === 'Live'`)
		b.Go(cable.url() + "/" + search)
		b.Await(`pulse.textContent === 'Live'`)
		return b
	}
	conn := dialTCP(t, at)
	mark, stop, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	last := 0
	following, paused, empty := open("?q=numbered"), open("?q=numbered"), open("?q=later")
	go func() {
		var err error
		last, err = sendNumbered(conn, mark, stop)
		ended <- err
	}()
	following.AwaitLine("numbered")
	paused.AwaitLine("numbered")
	paused.Key(" ")
	paused.Await(`/\d+ new/.test(live.textContent)`)

	cable.set(true)
	close(mark)
	for _, b := range []*browsertest.Tab{following, paused, empty} {
		b.Await(`/^Disconnected for [1-9]/.test(banner.textContent) && pulse.textContent === 'Disconnected'`)
	}
	time.Sleep(cutFor) // what is tested: entries that come during so long a cut
	cable.set(false)
	for _, b := range []*browsertest.Tab{following, paused, empty} {
		b.Eval(`document.querySelector('#banner button')?.click()`)
		b.Await(`banner.hidden && /^Connected again after [1-9]\d* s: /.test(toast.textContent)`)
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	end := fmt.Sprintf("numbered %d later.", last)
	for name, b := range map[string]*browsertest.Tab{"following": following, "empty": empty} {
		b.AwaitLine(end)
		b.Key(" ")
		for b.Eval(`start.textContent`) != "Nothing older matches" {
			b.Key("g")
			b.Await(`!start.textContent.startsWith('Loading')`)
		}
		whole(t, name, b, last)
	}
	paused.Key("G")
	paused.AwaitLine(end)
	paused.Key(" ")
	for paused.Eval(`start.textContent`) != "Nothing older matches" {
		paused.Key("g")
		paused.Await(`!start.textContent.startsWith('Loading')`)
	}
	whole(t, "paused", paused, last)
}

// whole checks that the list has every number to the last one, once.
func whole(t *testing.T, name string, b *browsertest.Tab, last int) {
	t.Helper()
	b.Do(chromedp.EmulateViewport(1000, 4000)) // fewer steps
	var n, first, newest, doubled int
	got := b.EvalAsync(collect)
	if _, err := fmt.Sscan(got, &n, &first, &newest, &doubled); err != nil {
		t.Fatalf("%s: %q: %v", name, got, err)
	}
	if n != newest-first+1 || newest != last || doubled > 0 || (name != "empty" && first != 1) {
		t.Errorf("%s: the list has %d numbers, %d to %d, %d of them twice; want all to %d", name, n, first, newest, doubled, last)
	}
}

// dialTCP connects to the server's syslog over TCP.
func dialTCP(t *testing.T, at endpoint) net.Conn {
	t.Helper()
	for _, input := range at.Syslog {
		if address, ok := strings.CutPrefix(input, "tcp://"); ok {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
	}
	t.Fatalf("no TCP among the inputs %v", at.Syslog)
	return nil
}
