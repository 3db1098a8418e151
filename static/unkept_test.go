package static

import (
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestFullDiskIsSaidUntilThereIsRoom(t *testing.T) {
	for _, tt := range []struct {
		language, shot string
		full           bool
		want           string
	}{
		{"en", "disk-full", true, "The server’s disk is full: since 2026-11-22 10:42:31 UTC nothing new is kept. Free space on it, or keep less (keep_bytes)."},
		{"en", "unkept", false, "Since 2026-11-22 10:42:31 UTC nothing new is kept: the server’s own log says why."},
		{"zh-CN", "disk-full-chinese", true, "服务器磁盘已满：自 2026-11-22 10:42:31 UTC 起新日志未被保存。请清理磁盘，或减少保留量（keep_bytes）。"},
	} {
		t.Run(tt.shot, func(t *testing.T) {
			s := newServer(t)
			s.instances = team()
			s.add(traffic(300)...)
			s.unkept = map[string]any{"since": "2026-11-22T10:42:31Z", "disk_full": tt.full}
			b := browsertest.Open(t, tt.language)
			b.Go(s.URL + "/?tz=UTC")
			b.Await(`!banner.hidden`)
			if got := b.Eval(`banner.textContent`); got != tt.want {
				t.Errorf("the page says %q, want %q", got, tt.want)
			}
			b.Shoot(tt.shot)
			s.change(func() { s.unkept = nil })
			b.Await(`banner.hidden`)
		})
	}
}
