package file

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"path"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// PastHead is how much of a file's beginning it is recognised by.
const PastHead = 64 << 10

// PastFormat says how the lines of an old file are to be read.
type PastFormat string

// The formats.
const (
	PastAuto        PastFormat = "auto"        // each line as it looks
	PastTraditional PastFormat = "traditional" // Nov 22 08:51:43 host tag: text
	PastRFC3339     PastFormat = "rfc3339"     // 2026-11-22T08:51:43.123+00:00 host tag: text
	PastProtocol23  PastFormat = "protocol23"  // <13>1 2026-11-22T08:51:43Z host tag - - - text
	PastNginx       PastFormat = "nginx"       // error and access logs, and other text with dates
	PastJSON        PastFormat = "jsonl"       // what tagtail export writes
)

// PastFormats lists them.
var PastFormats = []PastFormat{PastAuto, PastTraditional, PastRFC3339, PastProtocol23, PastNginx, PastJSON}

// Past reads a file that was written before, in parts, and remembers in its State
// where it is. It belongs to one goroutine.
type Past struct {
	Input
	// Path is absolute: it is the source of the entries.
	Path string
	// Guess is the instance of what names none itself, "" if nobody knows.
	Guess string
	// Format is PastAuto if it is empty.
	Format PastFormat
	// Year is that of the first line, if its dates have none; 0 is that of End.
	Year int
	// End is when the file was written to last.
	End time.Time
	// Before leaves out what is of this time or later; zero leaves out nothing.
	Before          time.Time
	MaxMessageBytes int
	Hostname        string
	Identify        func(e *index.Entry)
	Redact          func(e *index.Entry)

	State PastState

	cutter cutter
	labels labels
	arena  syslog.Arena
	hash   hash.Hash
}

// PastState is how far a file was read.
type PastState struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"` // of what is not compressed
	// Head is the SHA-256 of the first HeadBytes, in hexadecimal digits, and Digest
	// that of all up to Offset.
	HeadBytes int    `json:"head_bytes"`
	Head      string `json:"head"`
	Digest    string `json:"digest"`
	Rolling   []byte `json:"rolling,omitempty"` // to go on with Digest

	Last   time.Time `json:"last,omitzero"` // of the newest line with a date
	Syslog bool      `json:"syslog,omitempty"`
	Skip   bool      `json:"skip,omitempty"` // Offset is in a line that was cut

	Entries  int64     `json:"entries"` // that were kept
	Rejected int64     `json:"rejected,omitempty"`
	TooOld   int64     `json:"too_old,omitempty"`
	Later    int64     `json:"later,omitempty"` // left out by Before
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	Updated  time.Time `json:"updated,omitzero"`
}

// Open makes p ready to go on at its State.
func (p *Past) Open() error {
	in := p.Input
	if in.Pattern == "" {
		in.Pattern = p.Path
	}
	// A path may have characters that a pattern does not mean.
	literal := p.Pattern == ""
	if literal {
		in.Pattern = "/x"
	}
	s, err := compile(&in)
	if err != nil {
		return err
	}
	m := match{path: p.Path}
	if !literal {
		var ok bool
		if m, ok = s.pattern.matches(p.Path); !ok {
			return fmt.Errorf("%s does not fit %s", p.Path, in.Pattern)
		}
	}
	if p.MaxMessageBytes == 0 {
		p.MaxMessageBytes = defaultMaxMessage
	}
	if p.Format == "" {
		p.Format = PastAuto
	}
	p.cutter = cutter{source: s, max: p.MaxMessageBytes, mixed: true}
	p.labels = labelsOf(s, m, p.Hostname)
	p.labels.input = "import://" + p.Path
	if p.labels.instance == "" && p.AppName == "" {
		p.labels.appName = appOf(p.Path)
	}
	p.State.Path = p.Path
	p.hash = sha256.New()
	if len(p.State.Rolling) > 0 {
		if err := p.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.State.Rolling); err != nil {
			return fmt.Errorf("go on with %s: %w", p.Path, err)
		}
	} else if p.State.Offset > 0 {
		return errors.New("the state of the import says nothing of what was read: import the file with --again")
	}
	return nil
}

// appOf is the name of the program that wrote the file, as its name says, without
// what rotating it has appended.
func appOf(name string) string {
	base := path.Base(name)
	for {
		ext := path.Ext(base)
		if bare := strings.TrimSuffix(base, ext); ext == "" || bare == "" {
			return base
		} else if ext = ext[1:]; ext == "log" || ext == "gz" || ext == "zst" || ext == "jsonl" || strings.Trim(ext, "0123456789-") == "" {
			base = bare
			continue
		}
		return base
	}
}

// Read makes entries of data, which begins at State.Offset, and moves that behind
// them. What may go on stays, unless the file ends there.
func (p *Past) Read(data []byte, last bool) []index.Entry {
	var entries []index.Entry
	done := 0
	for done < len(data) {
		piece := p.cutter.next(data[done:], p.State.Skip, last, last)
		if piece.end == 0 {
			break
		}
		p.State.Skip = piece.skip
		if len(piece.text) > 0 {
			entries = append(entries, index.Entry{})
			e := &entries[len(entries)-1]
			if p.fill(e, &piece); !p.Before.IsZero() && !e.Received.Before(p.Before) {
				entries = entries[:len(entries)-1]
				p.State.Later++
			}
		}
		done += piece.end
	}
	p.advance(data[:done])
	return entries
}

// advance moves the position behind what was read.
func (p *Past) advance(read []byte) {
	s := &p.State
	if head := PastHead - int(min(s.Offset, PastHead)); head > 0 && len(read) > 0 {
		// All of it was hashed from the beginning.
		n := min(head, len(read))
		_, _ = p.hash.Write(read[:n])
		read = read[n:]
		s.HeadBytes = int(s.Offset) + n
		s.Head = hex.EncodeToString(p.hash.Sum(nil))
		s.Offset += int64(n)
	}
	_, _ = p.hash.Write(read)
	s.Offset += int64(len(read))
	s.Digest = hex.EncodeToString(p.hash.Sum(nil))
	s.Rolling, _ = p.hash.(encoding.BinaryMarshaler).MarshalBinary() // SHA-256 has no error
}

// fill makes e the Entry of a message, with Received as its own time.
func (p *Past) fill(e *index.Entry, m *piece) {
	s := p.arena.String(m.text)
	if (p.Format == PastAuto || p.Format == PastJSON) && strings.HasPrefix(s, `{"seq":`) && p.fillJSON(e, s) {
		p.label(e, false)
		return
	}
	if !p.fillSyslog(e, s, m.flags) {
		p.fillText(e, s, m.flags)
	}
	if !e.Time.IsZero() {
		p.State.Last = e.Time.UTC()
	}
	e.Received = p.now()
	if e.Flags.Has(index.FlagRejected) {
		p.State.Rejected++
	}
	p.label(e, true)
}

// now is the time of a line that has none: that of the one before.
func (p *Past) now() time.Time {
	if p.State.Last.IsZero() {
		return p.End.UTC()
	}
	return p.State.Last
}

// fillJSON reads an entry as Tagtail writes it.
func (p *Past) fillJSON(e *index.Entry, s string) bool {
	if err := e.UnmarshalJSON([]byte(s)); err != nil || e.Received.IsZero() {
		return false
	}
	e.Seq = 0
	if service, owner := index.SplitInstance(e.Instance); !isInstancePart(service) || !isInstancePart(owner) {
		e.Instance, e.InstanceBy = index.Unassigned, index.ByNothing
	}
	p.State.Last = e.Received.UTC()
	return true
}

// fillSyslog reads a line that begins as a syslog message does.
func (p *Past) fillSyslog(e *index.Entry, s string, flags index.Flags) bool {
	pri := hasPRI(s)
	dated := s
	if pri {
		dated = s[strings.IndexByte(s, '>')+1:]
	}
	d, traditional := dateOf(dated)
	iso := hasShape(dated, "dddd-dd-ddTdd:dd:dd")
	switch p.Format {
	case PastAuto:
	case PastTraditional:
		iso = false
	case PastRFC3339, PastProtocol23:
		traditional = false
	default:
		return false
	}
	if !pri && !traditional && !iso {
		return false
	}
	*e = index.Entry{Received: p.now(), Source: p.labels.source, Input: p.labels.input, Flags: flags}
	if traditional {
		e.Received = p.dated(d) // the year that is nearest to it
	}
	if !syslog.Parse(s, &p.labels.opts, e) || e.Flags.Has(index.FlagRejected) {
		return false
	}
	if iso && !pri && p.Format == PastAuto && (e.AppName == "" || e.Flags.Has(index.FlagBareTag)) {
		return false // a program's own log
	}
	syslog.Refine(e)
	p.State.Syslog = true
	return true
}

// fillText takes the line as it is, with the time that it begins with.
func (p *Past) fillText(e *index.Entry, s string, flags index.Flags) {
	*e = index.Entry{
		Time:     p.labels.stamps.lineTime(s, p.labels.opts.Location),
		Facility: index.Local0,
		Severity: index.Notice,
		Flags:    flags,
		Hostname: p.labels.opts.Hostname,
		Source:   p.labels.source,
		AppName:  p.labels.appName,
		Message:  s,
		Input:    p.labels.input,
	}
	if e.Time.IsZero() && p.State.Syslog {
		e.Flags |= index.FlagRejected
	}
	syslog.Refine(e)
}

// label gives the entry its instance: what the importer said, else what the entry
// says itself, else what the path suggests.
func (p *Past) label(e *index.Entry, identify bool) {
	if identify {
		e.Instance, e.InstanceBy = index.Unassigned, index.ByNothing
		if p.Identify != nil {
			p.Identify(e)
		}
	}
	if p.labels.instance != "" {
		if e.InstanceBy == index.ByContent && e.Instance != p.labels.instance && e.AppName != p.labels.appName {
			e.Flags |= index.FlagContradicts
		}
		e.Instance, e.InstanceBy = p.labels.instance, index.ByFile
	} else if e.Instance == index.Unassigned && p.Guess != "" {
		e.Instance, e.InstanceBy = p.Guess, index.ByFile
	}
	if p.Redact != nil {
		p.Redact(e)
	}
}
