package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// ownAddress is an address that nobody else has, whoever is away for a while.
func ownAddress() string {
	return fmt.Sprintf("127.%d.%d.%d:5514", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
}

// What a rule forwards waits on the disk: the other server is away at first,
// and our own is killed before it comes and while it takes.
func TestWhatIsForwardedOutlivesKills(t *testing.T) {
	for _, protocol := range []string{"tcp", "relp"} {
		t.Run(protocol, func(t *testing.T) {
			const part = 2000
			dir, other, address := t.TempDir(), t.TempDir(), ownAddress()
			action := "@@" + address
			if protocol == "relp" {
				action = ":omrelp:" + address
			}
			mustWrite(t, filepath.Join(dir, "forward.conf"), "$ActionForwardDefaultTemplate RSYSLOG_ForwardFormat\n:programname, isequal, \"load\" "+action+"\n")
			serve := func() (*testServer, endpoint) {
				return startServer(t, serverOptions{dir: dir, args: []string{"--rules", filepath.Join(dir, "forward.conf")}})
			}
			// send returns when the last message is in the queue on disk.
			send := func(at endpoint, from, to int) {
				conn, err := net.Dial("unixgram", strings.TrimPrefix(at.Syslog[2], "unixgram://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				for i := from; i < to; i++ {
					if _, err := fmt.Fprintf(conn, "<13>Nov 22 08:51:14 load: line %d.", i); err != nil {
						t.Fatal(err)
					}
				}
				awaitCount(t, at, to)
			}
			server, at := serve()
			send(at, 0, part)
			awaitQueue(t, dir, fmt.Sprintf("line %d.", part-1))
			server.kill()

			server, _ = serve()
			receiver, there := startServer(t, serverOptions{dir: other, args: []string{"--syslog", protocol + "://" + address}})
			t.Cleanup(receiver.kill)
			awaitCount(t, there, 1)
			server.kill()
			server, at = serve()
			t.Cleanup(func() { server.kill() })
			send(at, part, 2*part)
			for end := time.Now().Add(patience); ; {
				missing, twice := numbers(allOf(t, there, "tag:=load"), 2*part)
				if missing == 0 {
					t.Logf("%d of %d came twice", twice, 2*part)
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%d of %d lines are missing", missing, 2*part)
				}
			}
		})
	}
}

// awaitQueue waits until the queues below a data folder hold the text.
func awaitQueue(t *testing.T, dir, text string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(dir, "tagtail-data/forward/*/*.seg"))
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(text)) {
				return
			}
		}
	}
	t.Fatalf("no queue on disk holds %q", text)
}

// numbers says how many of the lines that were sent are missing, and how many
// are there more than once.
func numbers(entries []index.Entry, sent int) (missing, twice int) {
	seen := make([]int, sent)
	for _, e := range entries {
		number, _ := strings.CutPrefix(e.Message, "line ")
		if n, err := strconv.Atoi(strings.TrimSuffix(number, ".")); err == nil && n < sent {
			seen[n]++
		}
	}
	for _, times := range seen {
		switch {
		case times == 0:
			missing++
		case times > 1:
			twice++
		}
	}
	return missing, twice
}
