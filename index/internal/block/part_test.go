package block

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decodePart reads a part of a file as if nothing had been read of it.
func decodePart(codec *Codec, file []byte, part Part) (*Columns, error) {
	f, err := codec.parse(file)
	if err != nil {
		return nil, err
	}
	c := &Columns{}
	return c, f.Read(c, part)
}

func TestReadReadsOnlyTheColumnsAskedFor(t *testing.T) {
	codec := newCodec(t)
	all := sample(100)
	file, header := encode(codec, all)
	for name, tt := range map[string]struct {
		part Part
		set  func(c *Columns)
	}{
		"none":                 {0, func(*Columns) {}},
		"severity and message": {PartSeverity | PartMessage, func(c *Columns) { c.Severity, c.Message = all.Severity, all.Message }},
		"numbers":              {PartSeq | PartReceived, func(c *Columns) { c.Seq, c.Received = all.Seq, all.Received }},
		"texts":                {PartAppName | PartInput, func(c *Columns) { c.AppName, c.Input = all.AppName, all.Input }},
		"time and flags":       {PartTime | PartFlags, func(c *Columns) { c.Time, c.Flags = all.Time, all.Flags }},
		"everything":           {PartAll, func(c *Columns) { *c = *all }},
	} {
		t.Run(name, func(t *testing.T) {
			want := &Columns{Instance: all.Instance, TextBytes: all.TextBytes, LastError: all.LastError}
			tt.set(want)
			opened, err := codec.parse(file)
			if err != nil {
				t.Fatal(err)
			}
			got := &Columns{}
			err = opened.Read(got, tt.part)
			if diff := cmp.Diff(want, got, withoutShapes); err != nil || diff != "" {
				t.Errorf("error %v, columns (-want +got):\n%s", err, diff)
			}
			err = opened.Read(got, PartAll&^tt.part)
			if diff := cmp.Diff(all, got, withoutShapes); err != nil || diff != "" {
				t.Errorf("error %v, columns with the rest (-want +got):\n%s", err, diff)
			}
		})
	}

	damaged := append([]byte(nil), file...)
	at := header.bodyAt
	for _, s := range header.sections {
		if s.id == sectionValues {
			damaged[at] ^= 1
		}
		at += s.size
	}
	if _, err := decodePart(codec, damaged, PartSeverity); err != nil {
		t.Errorf("error = %v of a part without the damage, want none", err)
	}
	if _, err := decodePart(codec, damaged, PartMessage); err == nil {
		t.Error("damage in the part is not noticed")
	}
}
