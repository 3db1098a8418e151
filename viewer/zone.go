package viewer

import (
	"strings"
	"time"
)

// maxZoneBytes is more than any zone's name has.
const maxZoneBytes = 64

// zone returns the parameter tz: the zone of times without an offset in the
// search text, absent if it is not given.
func (p *params) zone(absent *time.Location) *time.Location {
	text := p.text("tz")
	if text == "" {
		return absent
	}
	zone, ok := parseZone(text)
	if !ok {
		p.fail("The parameter tz is %s: give a zone such as Asia/Shanghai or UTC, or an offset such as +08:00.", shown(text))
		return absent
	}
	return zone
}

// parseZone reads the name of a zone in the IANA's database, or an offset.
func parseZone(text string) (*time.Location, bool) {
	// A plus that was not escaped arrives as a space.
	if rest, ok := strings.CutPrefix(text, " "); ok {
		text = "+" + rest
	}
	if text == "Z" {
		return time.UTC, true
	}
	if text != "" && strings.IndexByte("+-", text[0]) >= 0 {
		t, err := time.Parse("-07:00", text)
		if err != nil {
			return nil, false
		}
		_, offset := t.Zone()
		return time.FixedZone(text, offset), true
	}
	// Local is not a zone that a client could mean: it is ours.
	if text == "" || text == "Local" || len(text) > maxZoneBytes {
		return nil, false
	}
	zone, err := time.LoadLocation(text) // refuses names that lead out of its folder
	return zone, err == nil
}

// zoneName is what the parameter tz calls a zone.
func zoneName(zone *time.Location, now time.Time) string {
	if name := zone.String(); name != "Local" {
		return name
	}
	return now.In(zone).Format("-07:00")
}
