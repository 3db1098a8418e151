package main

import (
	"slices"
	"testing"
)

func TestGarbageMayGatherWhileMuchArrives(t *testing.T) {
	var appended uint64
	var set []int
	c := collector{appended: func() uint64 { return appended }, set: func(percent int) { set = append(set, percent) }}
	for _, arrived := range []uint64{0, 100, floodEntries, 50 * floodEntries, floodEntries - 1, 0, floodEntries} {
		appended += arrived
		c.look()
	}
	if want := []int{calmPercent, floodPercent, calmPercent, floodPercent}; !slices.Equal(set, want) {
		t.Errorf("set to %v, want %v", set, want)
	}
}

func TestAnAdministratorsGOGCStays(t *testing.T) {
	lookup := func(name string) (string, bool) { return "50", name == "GOGC" }
	if c := newCollector(nil, lookup); c != nil || c.run(t.Context()) != nil {
		t.Error("the collector is set")
	}
}
