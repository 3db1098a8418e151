package static

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestExportIsWhatTheSearchFinds(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(600)...)
	s.add(traceback())
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?q=-severity:info&i=socketserver/dev1")
	b.AwaitLine("aborted")
	// Without a dialog of the browser: what would be saved is kept.
	b.Eval(`delete window.showSaveFilePicker; URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return '#saved'; }; ''`)
	for _, format := range []string{"txt", "csv", "ndjson"} {
		b.Eval(`window.saved = undefined; ''`)
		b.Click("#export")
		b.Await(`!menu.hidden`)
		b.Shoot("export-menu")
		b.Eval(`String([...menu.children].find((choice) => choice.textContent.toLowerCase().includes('` + map[string]string{"txt": "text"}[format] + `' || '` + format + `')).click())`)
		b.Await(`window.saved !== undefined`)
		if format != "ndjson" {
			continue
		}
		b.Await(`[...document.querySelectorAll('.export-text')].at(-1).textContent.startsWith('Exported ')`)
	}
	s.mu.Lock()
	want := s.find("instance:socketserver/dev1 -severity:info", 0, 0)
	s.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(b.Eval("window.saved")), "\n")
	if len(lines) != len(want) || len(want) < 100 {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, line := range lines {
		var got entry
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.Seq != want[i].Seq || got.Message != want[i].Message {
			t.Fatalf("line %d is %s (%v), want entry %d", i, line, err, want[i].Seq)
		}
	}
}

func TestExportShowsHowFarItIsAndCanBeCancelled(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(400)...)
	s.stalled = make(chan struct{})
	b := browsertest.Open(t, "zh-CN")
	b.Scheme("dark")
	b.Go(s.URL + "/?q=ws")
	b.AwaitLine("ws frame")
	b.Await(`counts.textContent.includes('匹配')`) // the bar goes up to that
	b.Eval(`window.showSaveFilePicker = async () => ({ createWritable: async () => ({
		write: async (bytes) => { window.written = (window.written ?? 0) + bytes.length; }, close: async () => { window.ended = 'closed'; }, abort: async () => { window.ended = 'aborted'; },
	}) }); ''`)
	b.Click("#export")
	b.Click("#menu button")
	b.Await(`window.written > 0 && document.querySelector('.export progress').value > 10 && document.querySelector('.export progress').value < document.querySelector('.export progress').max`)
	b.Shoot("export-running")
	b.Click(".export .button")
	b.Await(`window.ended === 'aborted' && !document.querySelector('.export')`)
	close(s.stalled)
	b.Click("#export")
	b.Click("#menu button")
	b.Await(`window.ended === 'closed' && document.querySelector('.export').textContent.includes('已导出')`)
}
