package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// relpDiskQueue is for fmt.Sprintf with the target of an action: rsyslog keeps
// on disk what it has not handed to the connection. It is not disk-assisted:
// what such a queue's second worker has in its window when it ends is lost.
const relpDiskQueue = `
module(load="omrelp")
action(type="omrelp" %s template="RSYSLOG_ForwardFormat"
  queue.type="Disk" queue.filename="relp" queue.saveOnShutdown="on" queue.maxDiskSpace="100m"
  queue.timeoutEnqueue="60000")
`

// sendLines writes numbered messages, from 0 on.
func sendLines(t *testing.T, rest string, count int) (done <-chan struct{}) {
	t.Helper()
	conn := startRsyslog(t, rest)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range count {
			if _, err := fmt.Fprintf(conn, "<13>Nov 22 08:51:14 load: line %d", i); err != nil {
				t.Errorf("send line %d: %v", i, err)
				return
			}
		}
	}()
	return sent
}

// missing returns how many of the lines 0 to count-1 are not there, and how
// many are there more than once.
func missing(lines []string, count int) (none, again int) {
	seen := make([]int, count)
	for _, line := range lines {
		n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "line "))
		if err == nil && n < count {
			seen[n]++
		}
	}
	for _, n := range seen {
		switch {
		case n == 0:
			none++
		case n > 1:
			again++
		}
	}
	return none, again
}

func TestNothingIsLostOverRELPWhenStoringFails(t *testing.T) {
	const count = 5000
	sink := newDurableSink()
	sink.failing = 3
	r := start(t, Config{Inputs: []string{"relp://127.0.0.1:0"}}, sink)
	sent := sendLines(t, fmt.Sprintf(relpDiskQueue, rsyslogTarget(t, r)), count)
	<-sent
	var lines []string
	for n := 1; len(lines) < count; n++ {
		if e := sink.wait(t, n)[n-1]; e.AppName == "load" {
			lines = append(lines, e.Message)
		}
	}
	if none, again := missing(lines, count); none+again > 0 {
		t.Errorf("%d lines are missing, %d are there twice", none, again)
	}
}

func TestEveryLineIsThereOnceOverRELPAlthoughTheReceiverIsKilled(t *testing.T) {
	if os.Getenv("TAGTAIL_SOAK") == "" {
		t.Skip("a load with kills is run by make soak")
	}
	const count, kills = 20_000, 5
	path := filepath.Join(t.TempDir(), "lines")
	address := "127.0.0.1:0"
	var sent <-chan struct{}
	for kill := 0; ; kill++ {
		cmd, out := helper(t, "relp", "RELP_FILE="+path, "RELP_ADDRESS="+address)
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		address = strings.TrimSpace(line)
		if sent == nil {
			host, port, _ := strings.Cut(address, ":")
			sent = sendLines(t, fmt.Sprintf(relpDiskQueue, fmt.Sprintf(
				`target="%s" port="%s" action.resumeInterval="1" action.resumeRetryCount="-1"`, host, port)), count)
		}
		last := kill == kills
		for begun, there := -1, 0; there < begun+count/(2*kills) || begun < 0 || last; {
			if line, err = out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if there, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
				t.Fatal(err)
			}
			if begun < 0 {
				begun = there
			}
			if last && there >= count && allThere(t, path, count) {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		if last {
			break
		}
	}
	<-sent
	if none, again := missing(linesOf(t, path), count); none+again > 0 {
		t.Errorf("%d lines are missing, %d are there twice", none, again)
	}
}

// linesOf returns the messages of load in a fileSink's file.
func linesOf(t *testing.T, path string) (lines []string) {
	t.Helper()
	all, err := messagesOf(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.App == "load[" {
			lines = append(lines, k.Message)
		}
	}
	return lines
}

func allThere(t *testing.T, path string, count int) bool {
	t.Helper()
	none, _ := missing(linesOf(t, path), count)
	return none == 0
}
