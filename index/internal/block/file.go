package block

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Suffix ends the name of every block's file.
const Suffix = ".block"

// maxNameBytes bounds the instance in a file name; file systems allow 255.
const maxNameBytes = 120

// FileName returns the name of a block's file: the numbers, to sort by, and
// the instance, for people. The header has the truth.
func FileName(first, last uint64, instance string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%020d-%020d-", first, last)
	for i := 0; i < len(instance) && b.Len() < maxNameBytes; i++ {
		c := instance[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	b.WriteString(Suffix)
	return b.String()
}

// ParseFileName returns the numbers in a block's file name.
func ParseFileName(name string) (first, last uint64, ok bool) {
	if !strings.HasSuffix(name, Suffix) {
		return 0, 0, false
	}
	n, err := fmt.Sscanf(name, "%020d-%020d-", &first, &last)
	return first, last, n == 2 && err == nil
}

// WriteFile writes data under a temporary name, syncs it and gives it its
// name. It is durable once the folder is synced.
func WriteFile(path string, data []byte) error {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary) // a leftover is removed at the next start
	}
	return err
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ReadHeader reads only the header of a block's file, and tells its size.
func ReadHeader(path string) (Header, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return Header{}, 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return Header{}, 0, err
	}
	data := make([]byte, 4096)
	n, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return Header{}, 0, err
	}
	data = data[:n]
	size, err := headerSize(data)
	if err != nil {
		return Header{}, 0, err
	}
	if size > n && n == 4096 {
		data = append(data, make([]byte, size-n)...)
		if _, err := io.ReadFull(f, data[n:]); err != nil {
			return Header{}, 0, damaged("the header ends behind the file")
		}
	}
	h, err := parseHeader(data)
	if err != nil {
		return Header{}, 0, err
	}
	if want := h.fileSize(); want != info.Size() {
		return Header{}, 0, damaged(fmt.Sprintf("it has %d bytes instead of %d", info.Size(), want))
	}
	return h, info.Size(), nil
}

func (h *Header) fileSize() int64 {
	size := int64(h.bodyAt)
	for _, s := range h.sections {
		size += int64(s.size)
	}
	return size
}
