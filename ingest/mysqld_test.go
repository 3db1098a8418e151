package ingest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// pipes are the ways in which logger(1) passes on what mysqld_safe pipes into
// it, with an input that receives it.
func pipes(t *testing.T) []struct{ name, input, args string } {
	path := socketPath(t)
	return []struct{ name, input, args string }{
		{"UDP", "udp://127.0.0.1:0", "-d -n %s -P %s"},
		{"TCP", "tcp://127.0.0.1:0", "-T -n %s -P %s"},
		{"unix socket", "unixgram://" + path, "-u " + path},
	}
}

// loggerPipe is the end of a shell pipe as mysqld_safe --syslog makes it.
func loggerPipe(t *testing.T, r *Receiver, args string) string {
	t.Helper()
	program(t, "logger")
	if strings.Contains(args, "%s") {
		host, port := hostPort(t, r.Addrs()[0])
		args = fmt.Sprintf(args, host, port)
	}
	return "| logger -t mysqld -p daemon.error " + args
}

// capturedMariaDBLines are the lines that a MariaDB wrote to stderr.
func capturedMariaDBLines(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("syslog/testdata/mariadb_datagrams.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var texts []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var datagram struct{ Text string }
		if err := json.Unmarshal(lines.Bytes(), &datagram); err != nil {
			t.Fatal(err)
		}
		if _, text, ok := strings.Cut(datagram.Text, " mysqld: "); ok {
			texts = append(texts, text)
		}
	}
	if len(texts) < 30 {
		t.Fatalf("got %d lines", len(texts))
	}
	return texts
}

// aDeadlock is a message of several lines, each of which logger(1) makes a
// message of its own. Only the first says how bad it is.
const aDeadlock = `2026-11-22  9:20:01 7 [ERROR] InnoDB: Transaction 4711 was chosen as the victim of a deadlock:
TRANSACTION 4711, ACTIVE 3 sec starting index read
mysql tables in use 1, locked 1

	update player set gold = gold - 5 where id = 7
2026-11-22T09:20:02.123456Z 7 [System] [MY-010931] [Server] mysqld: ready for connections.`

// severityOfMySQL is what a line's level means. Lines that have none keep the
// severity that logger(1) was given.
func severityOfMySQL(line string) string {
	switch level := regexp.MustCompile(`^\d{4}-.* \d+ \[(\w+)\] `).FindStringSubmatch(line); {
	case level == nil:
		return "daemon.err"
	case level[1] == "Note":
		return "daemon.info"
	case level[1] == "Warning":
		return "daemon.warning"
	case level[1] == "System":
		return "daemon.notice"
	}
	return "daemon.err"
}

func TestLinesOfMySQLPipedThroughLoggerHaveTheirOwnSeverities(t *testing.T) {
	lines := append(capturedMariaDBLines(t), strings.Split(aDeadlock, "\n")...)
	file := filepath.Join(t.TempDir(), "stderr")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, pipe := range pipes(t) {
		t.Run(pipe.name, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{pipe.input}, Instances: []Instance{{Name: "mysql/shared", Tags: []string{"mysqld"}}}}, sink)
			run(t, "sh", "-c", "cat "+file+loggerPipe(t, r, pipe.args))
			var want []sent
			for _, line := range lines {
				want = append(want, sent{Pri: severityOfMySQL(line), App: "mysqld", Message: line, Instance: "mysql/shared", HasTime: true})
			}
			var got []sent
			severities := map[index.Severity]int{}
			for _, e := range sink.wait(t, len(want)) {
				s := sentOf(&e)
				s.Format = ""
				got = append(got, s)
				severities[e.Severity]++
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(severities) != 4 {
				t.Errorf("got severities %v, want all four", severities)
			}
			if s := r.Stats()[0]; s.Rejected != 0 || s.Dropped != 0 {
				t.Errorf("got stats %+v", s)
			}
		})
	}
}

// mariadbOptions make a small server on an empty folder that nobody can
// connect to by network. The plugin that is not there makes it write an error.
const mariadbOptions = ` --no-defaults --datadir=%[1]s --pid-file=%[1]s/pid --socket=%[1]s/s --user=%[2]s` +
	` --skip-networking --skip-grant-tables --plugin-load=no_such_plugin` +
	` --innodb-buffer-pool-size=8M --innodb-log-file-size=4M` +
	` --innodb-data-file-path=ibdata1:4M:autoextend --innodb-temp-data-file-path=ibtmp1:4M:autoextend`

func TestARunningMariaDBPipedThroughLoggerIsUnderstood(t *testing.T) {
	mariadb := program(t, "mariadbd")
	for _, pipe := range pipes(t) {
		t.Run(pipe.name, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{pipe.input}}, sink)
			dir := t.TempDir()
			stop := startPipe(t, mariadb+fmt.Sprintf(mariadbOptions, dir, userName(t))+" 2>&1 "+loggerPipe(t, r, pipe.args))
			await(t, sink, "ready for connections")
			stop(filepath.Join(dir, "pid"))
			await(t, sink, "Shutdown complete")
			counts := map[string]int{}
			for _, e := range sink.wait(t, 1) {
				got := sentOf(&e)
				counts[got.Pri]++
				if want := severityOfMySQL(e.Message); got.Pri != want || got.App != "mysqld" || !got.HasTime || e.Flags != 0 {
					t.Errorf("got %+v, want %s", e, want)
				}
			}
			if counts["daemon.info"] < 10 || counts["daemon.warning"] == 0 || counts["daemon.err"] < 2 {
				t.Errorf("got severities %v", counts)
			}
			if e := await(t, sink, "no_such_plugin"); e.Severity != index.Err || !strings.Contains(e.Message, " [ERROR] ") {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// startPipe runs a shell pipe until the test ends. stop sends SIGTERM to the
// process whose pid is in the file, and waits for the end of the pipe.
func startPipe(t *testing.T, pipe string) (stop func(pidFile string)) {
	t.Helper()
	cmd := exec.Command("sh", "-c", pipe)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the pipe's code is logger's
		close(ended)
	}()
	t.Cleanup(func() {
		select {
		case <-ended: // its group is gone
		default:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
	})
	return func(pidFile string) {
		t.Helper()
		text, err := os.ReadFile(pidFile)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-ended
	}
}

// userName is who runs the tests: MariaDB insists on being told, if it is root.
func userName(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}
