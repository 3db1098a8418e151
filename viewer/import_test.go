package viewer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// fakeImporter remembers what it was given.
type fakeImporter struct {
	parts []ImportPart
	by    []string
	err   error
}

func (f *fakeImporter) Imports() (any, error) { return []ImportPart{}, nil }

func (f *fakeImporter) Import(_ context.Context, part ImportPart, by string) (any, error) {
	f.parts, f.by = append(f.parts, part), append(f.by, by)
	return map[string]any{
		"id": part.ID, "path": part.Path, "offset": part.Offset + int64(len(part.Data)), "head_bytes": 0, "head": "", "digest": "",
		"entries": 1, "part": map[string]int{"kept": 1},
	}, f.err
}

func TestPartOfAnImportArrivesAsItWasSent(t *testing.T) {
	ts := team(t, nil)
	im := &fakeImporter{}
	ts.cfg.Importer = im
	_, headers := callers(t, ts)
	const path = "/api/v1/store/imports/abc?offset=7&last=1&path=/var/log/x.log&instance=web/dev1&format=auto&year=2025&tz=Asia/Shanghai&end=2026-01-02T03:04:05Z&host=h"
	var done struct{ Offset int64 }
	ts.do(t, "POST", path, "a\xff\n", headers["boss"]...).decode(t, &done)
	if done.Offset != 10 {
		t.Errorf("offset %d, want 10", done.Offset)
	}
	got := im.parts[0]
	if got.ID != "abc" || got.Offset != 7 || !got.Last || string(got.Data) != "a\xff\n" || got.Path != "/var/log/x.log" || got.Instance != "web/dev1" ||
		got.Year != 2025 || got.Location.String() != "Asia/Shanghai" || !got.End.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || im.by[0] == "" {
		t.Errorf("part %+v by %q", got, im.by[0])
	}
	for want, err := range map[int]error{
		400: &ImportError{Err: errors.New("the format is not known")},
		409: &ImportError{Err: errors.New("it is further"), Conflict: true},
	} {
		im.err = err
		if got := ts.do(t, "POST", path, "x", headers["boss"]...); got.status != want || !strings.Contains(string(got.body), err.Error()) {
			t.Errorf("answer %d %s, want %d", got.status, got.body, want)
		}
	}
	if got := ts.do(t, "POST", path, strings.Repeat("x", maxImportBytes+1), headers["boss"]...); got.status != 413 {
		t.Errorf("too large a part is answered by %d, want 413", got.status)
	}
}
