package block

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// wholeBytes is the size up to which a file is read at once: a read of less
// costs as much.
const wholeBytes = 64 << 10

// File is a block's file, of which each section is read when it is first asked
// for: damage in the others is not noticed. One goroutine uses it. What it
// returns is valid until Close, but for strings.
type File struct {
	codec  *Codec
	header *Header
	file   *os.File // nil if all of it is in whole
	whole  []byte
	stored []byte // memory for a section as it is stored

	there Part // what is in raw
	raw   [sectionLast + 1][]byte
	room  [sectionLast + 1][]byte // memory for raw

	shapes   *Shapes
	messages *Messages
	of       []int32 // memory for Shapes.Of
	memory   messagesRoom
}

// OpenFile opens a block's file, whose header h is.
func (k *Codec) OpenFile(path string, h *Header) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, _ := k.files.Get().(*File)
	if f == nil {
		f = &File{codec: k}
	}
	f.header, f.file = h, file
	if size := h.fileSize(); size <= wholeBytes {
		f.whole = grown(f.whole, int(size))
		if err := f.readAt(f.whole, 0); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// maxKept bounds the memory for a section that is used again.
const maxKept = 4 << 20

// Close lets go of the file.
func (f *File) Close() error {
	file := f.file
	for id := range f.room {
		if cap(f.room[id]) > maxKept {
			f.room[id] = nil
		}
	}
	if cap(f.stored) > maxKept {
		f.stored = nil
	}
	*f = File{codec: f.codec, whole: f.whole[:0], stored: f.stored, room: f.room, of: f.of, memory: f.memory}
	f.codec.files.Put(f)
	return file.Close()
}

// parse reads a file that is in memory. It must not be closed.
func (k *Codec) parse(file []byte) (*File, error) {
	h, err := parseHeader(file)
	if err != nil {
		return nil, err
	}
	return &File{codec: k, header: &h, whole: file}, nil
}

func (f *File) readAt(data []byte, at int64) error {
	_, err := f.file.ReadAt(data, at)
	if errors.Is(err, io.EOF) {
		return damaged("it is cut off")
	}
	return err
}

// has tells whether the file has a section.
func (f *File) has(id uint8) bool {
	_, _, ok := f.find(id)
	return ok
}

// find returns a section and where it is.
func (f *File) find(id uint8) (s section, at int, ok bool) {
	at = f.header.bodyAt
	for _, s := range f.header.sections {
		if s.id == id {
			return s, at, true
		}
		at += s.size
	}
	return section{}, 0, false
}

// section returns the raw bytes of a section.
func (f *File) section(id uint8) ([]byte, error) {
	if f.there.has(id) {
		return f.raw[id], nil
	}
	s, at, ok := f.find(id)
	if !ok {
		return nil, damaged("a section is missing")
	}
	raw, err := f.open(s, at, &f.room[id])
	if err != nil {
		return nil, err
	}
	f.raw[id] = raw
	f.there |= 1 << id
	return raw, nil
}

// open reads and decompresses a section, if need be to room.
func (f *File) open(s section, at int, room *[]byte) ([]byte, error) {
	var data []byte
	switch {
	case len(f.whole) > 0:
		if at+s.size > len(f.whole) {
			return nil, damaged("it is cut off")
		}
		data = f.whole[at : at+s.size]
	case s.codec == codecPlain:
		*room = grown(*room, s.size)
		data = *room
	default:
		f.stored = grown(f.stored, s.size)
		data = f.stored
	}
	if len(f.whole) == 0 {
		if err := f.readAt(data, int64(at)); err != nil {
			return nil, err
		}
	}
	return f.codec.open(s, data, room)
}

// open returns the raw bytes of a section, which are data or in room.
func (k *Codec) open(s section, data []byte, room *[]byte) ([]byte, error) {
	if crc32.Checksum(data, castagnoli) != s.sum {
		return nil, damaged(fmt.Sprintf("checksum of section %d", s.id))
	}
	switch s.codec {
	case codecPlain:
		return data, nil
	case codecZstd:
		*room = grown(*room, min(s.raw, maxRoom))
		raw, err := k.decoder.DecodeAll(data, (*room)[:0])
		if err != nil || len(raw) != s.raw {
			return nil, damaged(fmt.Sprintf("compression of section %d", s.id))
		}
		*room = raw
		return raw, nil
	default:
		return nil, damaged(fmt.Sprintf("codec of section %d", s.id))
	}
}

// grown returns a slice of that length; what is in it is of no use.
func grown[T any](room []T, length int) []T {
	if cap(room) < length {
		return make([]T, length)
	}
	return room[:length]
}
