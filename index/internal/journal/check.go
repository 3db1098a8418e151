package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Part is a segment's file and how much of it was written.
type Part struct {
	Path string
	Size int64
}

// Parts lists the segments, so that they can be checked while Append goes on.
func (j *Journal) Parts() ([]Part, error) {
	parts, err := PartsOf(j.cfg.Dir) // first: what is made meanwhile is not looked at
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range append(j.older[:len(j.older):len(j.older)], j.active) {
		if s == nil {
			continue
		}
		if i := slices.IndexFunc(parts, func(p Part) bool { return p.Path == s.path }); i >= 0 {
			parts[i].Size = s.size
		}
	}
	return parts, nil
}

// PartsOf lists the segments of a journal that nobody has open.
func PartsOf(dir string) ([]Part, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var parts []Part
	for _, name := range names {
		info, err := name.Info()
		if err != nil || !strings.HasSuffix(name.Name(), segmentSuffix) {
			continue // it was removed meanwhile, or is none
		}
		parts = append(parts, Part{Path: filepath.Join(dir, name.Name()), Size: info.Size()})
	}
	return parts, nil
}

// Check reads a segment and changes nothing. It calls visit for every whole
// frame; an error from it is damage. A segment that was removed has none.
func Check(p Part, visit func(first uint64, payload []byte) error) ([]Damage, error) {
	data, err := os.ReadFile(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data = data[:min(int64(len(data)), p.Size)]
	if len(data) == 0 {
		return nil, nil
	}
	s := segment{path: p.Path}
	salt, ok := parseSegmentHeader(data)
	if !ok {
		return []Damage{s.damaged(0, len(data), errHeader)}, nil
	}
	var damage []Damage
	walkFrames(data, salt, func(f foundFrame) {
		if f.err == nil {
			f.err = visit(f.first, f.payload)
		}
		if f.err != nil {
			d := s.damaged(f.from, f.to, f.err)
			d.Torn = f.torn
			damage = append(damage, d)
		}
	})
	return damage, nil
}

// foundFrame is a frame, or a place without one.
type foundFrame struct {
	from, to int
	first    uint64
	payload  []byte
	err      error // why there is no frame
	torn     bool  // and nothing comes behind
}

// walkFrames calls visit for each frame behind the header of a segment, and for
// what is between them.
func walkFrames(data []byte, salt uint32, visit func(foundFrame)) {
	bad := -1
	var reason error
	for at := segmentHeaderBytes; at < len(data); {
		first, frame, err := parseFrame(data[at:], salt)
		if err == nil {
			if bad >= 0 {
				visit(foundFrame{from: bad, to: at, err: reason})
				bad = -1
			}
			visit(foundFrame{from: at, to: at + len(frame), first: first, payload: frame[HeaderBytes:]})
			at += len(frame)
			continue
		}
		if bad < 0 {
			bad, reason = at, err
		}
		step := bytes.Index(data[at+1:], []byte(frameMarker))
		if step < 0 {
			break
		}
		at += 1 + step
	}
	if bad >= 0 {
		visit(foundFrame{from: bad, to: len(data), err: reason, torn: true})
	}
}
