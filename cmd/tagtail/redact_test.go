package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// secretText is in no message that is kept. Its parts are looked for by
// themselves: a cut must not leave one.
const (
	secretText = "hunterZwei77"
	secretPart = "hunterZw"
)

// lastOfFile has no secret.
const lastOfFile = "2026/11/22 08:51:44 [error] 1#1: file end"

// secretMessages are messages with the secret in it, without line feeds.
func secretMessages(path string) []string {
	header := "<13>Nov 22 08:51:14 box web_dev1: " + path + " "
	return []string{
		header + "GET /?password=" + secretText + "&x=1",
		header + `{"password":"` + secretText + ` \" ` + secretText + `"}`,
		header + "Authorization: Bearer " + secretText + "0123456789",
		header + "bytes \xff\xfe password=\xff" + secretText + "\xfe\x00" + secretText + " more",
		header + strings.Repeat("x", 64<<10-len(header)-18) + " password=" + secretText + secretText, // the cut is within it
		"<13>Nov 22 08:51:14 box password=" + secretText + ": " + path + " a tag",
		"<13>Nov 22 08:51:14 password=" + secretText + " web_dev1: " + path + " a host",
		"<13>Nov 22 08:51:14 box Authorization: Bearer " + secretText,
		`<13>1 2026-11-22T08:51:14Z box web_dev1 1 id [x@1 token="` + secretText + `"] ` + path + " structured",
		"<13>1 2026-11-22T08:51:14Z box web_dev1 1 pwd=" + secretText + " - " + path + " an id",
		header + "own CODE-" + secretText,
		"password=" + secretText + " " + path + " without a header", // the last: in a stream it is not taken for a frame
	}
}

const redactYAML = `
redact:
  - all
  - {name: code, pattern: 'CODE-\w+', replace: CODE-?, instances: ["*/dev1"]}
instances: [{name: web/dev1}]
files: [{path: followed/*.log, instance: web/dev1}]
`

func TestSecretsReachNoFileByAnyPath(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "tagtail.yaml"), redactYAML)
	mustWrite(t, filepath.Join(dir, "followed", "error.log"), strings.Join(secretMessages("file"), "\n")+
		"\n2026/11/22 08:51:43 [error] 1#1: file many lines\n{\n  \"password\":\n    \""+secretText+"\"\n}\n"+lastOfFile+"\n")
	relp := freePort(t)
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--config", "tagtail.yaml", "--syslog", "relp://127.0.0.1:" + relp}})
	t.Cleanup(server.kill)
	data := filepath.Join(dir, "tagtail-data")
	for scheme, send := range map[string]func(*testing.T, endpoint, []string){
		"udp": sendDatagrams, "unixgram": sendDatagrams, "tcp": sendStream, "relp": sendRELP, "http": sendHTTP,
	} {
		messages := secretMessages(scheme)
		if scheme == "unixgram" || scheme == "udp" {
			for i := range messages { // what the kernel takes
				messages[i] = strings.Replace(messages[i], strings.Repeat("x", 2<<10), "", 1)
			}
		}
		at := at
		for _, listener := range at.Syslog {
			if u, err := url.Parse(listener); err == nil && u.Scheme == scheme {
				at.Server = u.Host + u.Path
			}
		}
		send(t, at, messages)
	}
	// What has no time of its own is not known again when RELP sends it twice.
	want := 6*len(secretMessages("")) + 2 + 1
	wantRedacted(t, at, want)
	metrics := string(api(t, at, dir, "/metrics"))
	for _, rule := range []string{"passwords", "authorization", "code"} {
		if !strings.Contains(metrics, `tagtail_redactions_total{rule="`+rule+`"}`) || strings.Contains(metrics, `tagtail_redactions_total{rule="`+rule+`"} 0`) {
			t.Errorf("the metrics do not count %s", rule)
		}
	}
	// The journal, and then the blocks, which have words of their own.
	mustHoldNot(t, data, secretPart)
	server.stop(t)
	mustHoldNot(t, data, secretPart)
	again, at := startServer(t, serverOptions{dir: dir, args: []string{"--config", "tagtail.yaml"}})
	t.Cleanup(again.kill)
	wantRedacted(t, at, want) // out of the blocks
	if strings.Contains(server.words.String(), secretPart) {
		t.Errorf("the log has the secret:\n%s", server.words)
	}
}

// wantRedacted awaits that many entries, of which one had no secret.
func wantRedacted(t *testing.T, at endpoint, want int) {
	t.Helper()
	entries := allOf(t, at, "")
	for end := time.Now().Add(patience); len(entries) < want && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
		entries = allOf(t, at, "")
	}
	if len(entries) != want {
		t.Errorf("%d entries are there, want %d", len(entries), want)
	}
	flagged := 0
	for _, e := range entries {
		text := string(e.AppendJSON(nil))
		if strings.Contains(text, secretPart) {
			t.Errorf("the secret is in %.300s", text)
		}
		switch {
		case e.Flags.Has(index.FlagRedacted):
			flagged++
		case e.Message != lastOfFile:
			t.Errorf("the flag is not in %.300s", text)
		}
	}
	if flagged != want-1 {
		t.Errorf("%d of %d entries have the flag", flagged, want)
	}
	for query, want := range map[string]int{"is:redacted": flagged, secretText: 0} {
		if n := len(allOf(t, at, query)); n != want {
			t.Errorf("%q finds %d, want %d", query, n, want)
		}
	}
}

// mustHoldNot looks through all files below a folder.
func mustHoldNot(t *testing.T, dir, text string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		files++
		if bytes.Contains(bytes.ToLower(data), []byte(strings.ToLower(text))) {
			t.Errorf("%s has %q", path, text)
		}
		return err
	})
	if err != nil || files < 4 {
		t.Errorf("looked through %d files, %v", files, err)
	}
}

func sendDatagrams(t *testing.T, at endpoint, messages []string) {
	t.Helper()
	network := "udp"
	if strings.HasPrefix(at.Server, "/") {
		network = "unixgram"
	}
	conn, err := net.Dial(network, at.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, message := range messages {
		if _, err := io.WriteString(conn, message); err != nil {
			t.Fatalf("%d bytes to %s: %v", len(message), network, err)
		}
	}
}

func sendStream(t *testing.T, at endpoint, messages []string) {
	t.Helper()
	conn, err := net.Dial("tcp", at.Server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, message := range messages {
		if _, err := fmt.Fprintf(conn, "%d %s", len(message), message); err != nil {
			t.Fatal(err)
		}
	}
}

// sendRELP sends all twice in two sessions, of which the first is lost before it
// has read that they are stored.
func sendRELP(t *testing.T, at endpoint, messages []string) {
	t.Helper()
	for session := range 2 {
		conn, err := net.Dial("tcp", at.Server)
		if err != nil {
			t.Fatal(err)
		}
		frames := "1 open 30 relp_version=1\ncommands=syslog\n"
		for i, message := range messages {
			frames += fmt.Sprintf("%d syslog %d %s\n", i+2, len(message), message)
		}
		if _, err := io.WriteString(conn, frames); err != nil {
			t.Fatal(err)
		}
		answers := fmt.Sprintf("%d rsp", len(messages)+1)
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		read, buffer := "", make([]byte, 4096)
		for !strings.Contains(read, "\n"+answers) {
			n, err := conn.Read(buffer)
			if read += string(buffer[:n]); err != nil {
				t.Fatalf("session %d: after %q: %v", session, read, err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func sendHTTP(t *testing.T, at endpoint, messages []string) {
	t.Helper()
	var body strings.Builder
	for _, message := range messages {
		body.WriteString(strings.ReplaceAll(message, "\n", " ") + "\n")
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.Server+"/api/v1/ingest?instance=web/dev1", strings.NewReader(body.String()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+at.Token)
	request.Header.Set("Content-Type", "text/plain")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"rejected":0`) {
		t.Fatalf("%s: %s, %v", response.Status, answer, err)
	}
}
