// Package archive carries files from a server to where a backup is kept, and back.
//
//	Writer.Add … Close → tar with a manifest at its end → Save → folder
//	folder or tar → Each → Put
//
// Invariants: a tar without its manifest is not whole, and nobody takes it for
// whole; in a folder the backup before stays whole until the next is; no name
// leads out of the folder. The package knows nothing of what is in the files.
// Start reading at Writer.
package archive

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

const (
	// manifestName is the last file of a tar, and says in a folder what is the backup.
	manifestName = "BACKUP"
	// maxManifestBytes bounds what is read of one.
	maxManifestBytes = 256 << 20
	version          = 1

	fixedRecord = "TAGTAIL.fixed"
)

// File is one file of a backup.
type File struct {
	Name string // with slashes
	Size int64
	Mode fs.FileMode
	// Fixed tells that a file of this name and size is always the same: who has
	// it needs not get it again.
	Fixed   bool
	Content io.Reader
}

// Manifest says what a backup is made of.
type Manifest struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	// Server is the version of Tagtail that has made it.
	Server string `json:"server"`
	// Fixed and Changing are the sizes of all files by their names.
	Fixed    map[string]int64 `json:"fixed"`
	Changing map[string]int64 `json:"changing"`
	// State is the folder of those that change, in a folder.
	State string `json:"state,omitempty"`
}

// Bytes is the size of all files.
func (m *Manifest) Bytes() (sum int64) {
	for _, files := range []map[string]int64{m.Fixed, m.Changing} {
		for _, n := range files {
			sum += n
		}
	}
	return sum
}

func (m *Manifest) check() error {
	if m.Version != version {
		return fmt.Errorf("the backup has the format %d, which this version of Tagtail cannot read: use a newer one", m.Version)
	}
	return nil
}

// Writer writes a backup as a tar.
type Writer struct {
	tar      *tar.Writer
	have     map[string]int64
	manifest Manifest
}

// NewWriter begins a tar. have are the fixed files that the other side has
// already, by name and size: they are left out of it.
func NewWriter(w io.Writer, server string, have map[string]int64) *Writer {
	return &Writer{tar: tar.NewWriter(w), have: have, manifest: Manifest{
		Version: version, Made: time.Now().UTC().Truncate(time.Second), Server: server, Fixed: map[string]int64{}, Changing: map[string]int64{},
	}}
}

// Add writes a file. Its content must have its size.
func (w *Writer) Add(f File) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: int64(f.Mode.Perm()), ModTime: w.manifest.Made, Format: tar.FormatPAX}
	if f.Fixed {
		w.manifest.Fixed[f.Name] = f.Size
		if size, ok := w.have[f.Name]; ok && size == f.Size {
			return nil
		}
		header.PAXRecords = map[string]string{fixedRecord: "1"}
	} else {
		w.manifest.Changing[f.Name] = f.Size
	}
	if err := w.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if n, err := io.Copy(w.tar, f.Content); err != nil || n != f.Size {
		return fmt.Errorf("write %s into the backup: %d of %d bytes: %w", f.Name, n, f.Size, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return nil
}

// Close writes the manifest: with it the backup is whole.
func (w *Writer) Close() error {
	text, err := json.Marshal(&w.manifest)
	if err == nil {
		err = w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Size: int64(len(text)), Mode: 0o600, ModTime: w.manifest.Made, Format: tar.FormatPAX})
	}
	if err == nil {
		_, err = w.tar.Write(text)
	}
	if err := errors.Join(err, w.tar.Close()); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// errNotWhole is what is said of a tar without its manifest.
var errNotWhole = errors.New("the backup is not whole: it ends before its last file; make it again")

// read passes the files of a tar to visit, and returns its manifest.
func read(r io.Reader, visit func(File) error) (*Manifest, error) {
	t := tar.NewReader(r)
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, errNotWhole
		}
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", errNotWhole, err)
		}
		if header.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(header.Name)) {
			return nil, fmt.Errorf("the backup has %q, which is no file of a backup: was it made by tagtail backup?", header.Name)
		}
		if header.Name == manifestName {
			return readManifest(t)
		}
		f := File{Name: header.Name, Size: header.Size, Mode: fs.FileMode(header.Mode) & 0o777, Fixed: header.PAXRecords[fixedRecord] != "", Content: t}
		if err := visit(f); errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errNotWhole
		} else if err != nil {
			return nil, err
		}
	}
}

func readManifest(r io.Reader) (*Manifest, error) {
	m := &Manifest{}
	if err := json.NewDecoder(io.LimitReader(r, maxManifestBytes)).Decode(m); err != nil {
		return nil, fmt.Errorf("%w (%w)", errNotWhole, err)
	}
	for _, files := range []map[string]int64{m.Fixed, m.Changing} {
		for name := range files {
			if !filepath.IsLocal(filepath.FromSlash(name)) {
				return nil, fmt.Errorf("the backup has %q, which is no file of a backup: was it made by tagtail backup?", name)
			}
		}
	}
	return m, m.check()
}
