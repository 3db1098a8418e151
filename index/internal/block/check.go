package block

import "hash/crc32"

// Fault is damage in the file of a block.
type Fault struct {
	Offset int64
	Err    error
}

// Check reads the file of a block and returns what is in it, or every place
// where it is damaged.
func (k *Codec) Check(file []byte) (*Columns, Header, []Fault) {
	h, err := parseHeader(file)
	if err != nil {
		return nil, Header{}, []Fault{{Err: err}}
	}
	var faults []Fault
	at := h.bodyAt
	for _, s := range h.sections {
		if at+s.size > len(file) {
			return nil, h, append(faults, Fault{int64(len(file)), damaged("it is cut off")})
		}
		data := file[at : at+s.size]
		if crc32.Checksum(data, castagnoli) != s.sum {
			_, err := k.open(s, data, new([]byte))
			faults = append(faults, Fault{int64(at), err})
		}
		at += s.size
	}
	if at != len(file) {
		faults = append(faults, Fault{int64(at), damaged("something follows it")})
	}
	if len(faults) > 0 {
		return nil, h, faults
	}
	columns, err := k.Decode(file)
	if err != nil {
		return nil, h, []Fault{{int64(h.bodyAt), err}}
	}
	return columns, h, nil
}
