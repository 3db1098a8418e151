package main

import (
	"net/url"
	"testing"
	"time"
)

func TestTheMachinesZoneIsCalledByItsName(t *testing.T) {
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	for _, name := range []string{"Asia/Shanghai", "Europe/Berlin", "UTC"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("TZ", name)
		time.Local = zone // the process has read TZ already
		if got := localZone().String(); got != name {
			t.Errorf("TZ=%s is %q", name, got)
		}
	}
	// A name that the clock does not keep to names nothing.
	t.Setenv("TZ", "Asia/Tokyo")
	if got := localZone(); got != time.Local {
		t.Errorf("a wrong name gives %v, want the machine's own zone", got)
	}
	t.Setenv("TZ", "no/such/zone")
	if got := localZone(); got != time.Local {
		t.Errorf("an unknown name gives %v, want the machine's own zone", got)
	}
}

func TestClientsAskInTheZoneTheyShow(t *testing.T) {
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("Local", -210*60)
	t.Setenv("TZ", "no/such/zone")
	c := &client{server: &url.URL{Scheme: "http", Host: "localhost"}}
	if got := c.api("search", url.Values{"q": {"after:10:42"}}).Query().Get("tz"); got != "-03:30" {
		t.Errorf("a search is asked in the zone %q, want the terminal's", got)
	}
	if got := c.api("instances", nil).RawQuery; got != "" {
		t.Errorf("a question without times has the parameters %q", got)
	}
}
