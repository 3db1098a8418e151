package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// maxNameBytes bounds what a property may add to a file's name.
const maxNameBytes = 64

// CheckPath tells why the template cannot be that of a file's name.
func (t *Template) CheckPath() error {
	if len(t.parts) == 0 || t.parts[0].Property != 0 || t.parts[0].Text[0] != '/' {
		return fmt.Errorf("template %q is not that of an absolute path: begin it with /", t.Name)
	}
	if err := t.checkFolders(); err != nil {
		return err
	}
	for i := range t.parts {
		p := &t.parts[i]
		if p.Property == 0 || p.Property.IsOurs() || p.Property == message.ProgramName || p.Property == message.Hostname || p.Property == message.AppName {
			continue
		}
		return fmt.Errorf("template %q makes a file's name of %%%s%%, which anybody can write; use programname, hostname, fromhost-ip, $year, $month and $day", t.Name, p.OutName)
	}
	return nil
}

// checkFolders refuses what the constant texts would lead to.
func (t *Template) checkFolders() error {
	var example []byte
	for i := range t.parts {
		if p := &t.parts[i]; p.Property == 0 {
			example = append(example, p.Text...)
		} else {
			example = append(example, 'x')
		}
	}
	name := string(example)
	switch {
	case slices.Contains(strings.Split(name, "/"), ".."):
		return fmt.Errorf("template %q has .. in a file's name; write where the file is", t.Name)
	case strings.HasPrefix(name, "/dev/") || strings.HasPrefix(name, "/proc/") || strings.HasPrefix(name, "/sys/"):
		return fmt.Errorf("template %q names devices; Tagtail writes to no devices", t.Name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("template %q has what no file's name may have", t.Name)
	}
	return nil
}

// AppendPath appends the name of a message's file. What the message says is
// reduced to letters, digits, ".", "_" and "-", 64 of them, and does not begin
// with a dot: it can name a file, but lead nowhere.
func (t *Template) AppendPath(dst []byte, m *message.Message) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		if p.Property == 0 {
			dst = append(dst, p.Text...)
			continue
		}
		start := len(dst)
		dst = p.append(dst, m)
		if len(dst)-start > maxNameBytes {
			dst = dst[:start+maxNameBytes]
		}
		for j := start; j < len(dst); j++ {
			if !isNameByte(dst[j]) || dst[j] == '.' && j == start {
				dst[j] = '_'
			}
		}
		if len(dst) == start {
			dst = append(dst, '_')
		}
	}
	return dst
}

func isNameByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '_' || c == '-'
}
