package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // the zones that pages name, on machines that have none
)

// localtime is the file that is the machine's zone.
const localtime = "/etc/localtime"

// localZone is this machine's zone under its own name where that can be found
// out, so that a page can show times in it; else time.Local, which has none.
func localZone() *time.Location {
	name, set := os.LookupEnv("TZ")
	if name = strings.TrimPrefix(name, ":"); !set {
		if target, err := filepath.EvalSymlinks(localtime); err == nil {
			_, name, _ = strings.Cut(target, "zoneinfo/")
		}
	}
	if name == "" {
		return time.Local
	}
	zone, err := time.LoadLocation(name)
	if err != nil || !sameClock(zone, time.Local) {
		return time.Local
	}
	return zone
}

// zoneName is what the API's parameter tz calls a zone.
func zoneName(zone *time.Location, now time.Time) string {
	if zone == time.Local {
		return now.In(zone).Format("-07:00")
	}
	return zone.String()
}

// sameClock tells whether two zones agree over the next year: what a name
// promises is worth less than what the machine does.
func sameClock(a, b *time.Location) bool {
	now := time.Now()
	for month := range 12 {
		at := now.AddDate(0, month, 0)
		_, one := at.In(a).Zone()
		_, other := at.In(b).Zone()
		if one != other {
			return false
		}
	}
	return true
}
