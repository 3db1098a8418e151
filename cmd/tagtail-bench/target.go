package main

import (
	"fmt"
	"time"
)

// target is a ratio of Tagtail's figure to another's, and the most it may be.
type target struct {
	corpus string
	name   string
	ratio  float64
	most   float64
}

func (t target) met() bool { return t.ratio <= t.most }

// String marks what is missed.
func (t target) String() string {
	text := fmt.Sprintf("%.2f", t.ratio)
	if !t.met() {
		text = "**" + text + "**"
	}
	return text
}

// bounds are the most Tagtail may need of what others do; 0 is no bound.
type bounds struct{ cpuVictoriaLogs, cpuRsyslog float64 }

func boundsOf(corpus string) bounds {
	switch corpus {
	case "nginx-debug":
		return bounds{1.0 / 4, 1.0}
	case "ids":
		return bounds{1.0 / 3, 1.3}
	default:
		return bounds{}
	}
}

// targetTables compare Tagtail with the others: one table of what feeding
// costs, and one of queries.
func targetTables(results []result) []table {
	costs := table{title: "Targets: Tagtail's figure divided by another's; what is missed is **marked**", head: []string{"what", "ratio", "at most"}}
	asked := table{
		title: "Targets: Tagtail's latency divided by VictoriaLogs'; at most 1.00, and 0.10 for the count of a word",
		head:  []string{"query", "first 100, cold", "first 100, warm", "count, cold", "count, warm"},
	}
	for _, of := range byCorpus(results) {
		peers := make(map[string]result)
		for _, r := range of {
			peers[r.Peer] = r
		}
		us, ok := peers["tagtail"]
		if !ok {
			continue
		}
		for _, t := range costTargets(us, peers) {
			costs.rows = append(costs.rows, []string{t.corpus + ": " + t.name, t.String(), fmt.Sprintf("%.2f", t.most)})
		}
		if them, ok := peers["victorialogs"]; ok {
			for i, q := range us.Queries {
				row := []string{us.Corpus + ": " + q.Query}
				for _, t := range queryTargets(us.Corpus, q, them.Queries[i]) {
					row = append(row, t.String())
				}
				asked.rows = append(asked.rows, row)
			}
		}
	}
	var tables []table
	for _, t := range []table{costs, asked} {
		if len(t.rows) > 0 {
			tables = append(tables, t)
		}
	}
	return tables
}

func costTargets(us result, peers map[string]result) []target {
	var all []target
	add := func(name string, ours, theirs, most float64) {
		if ours > 0 && theirs > 0 && most > 0 {
			all = append(all, target{us.Corpus, name, ours / theirs, most})
		}
	}
	limits := boundsOf(us.Corpus)
	if them, ok := peers["rsyslog"]; ok {
		add("CPU, of rsyslog's", float64(us.CPU), float64(them.CPU), limits.cpuRsyslog)
	}
	if them, ok := peers["victorialogs"]; ok {
		add("CPU, of VictoriaLogs'", float64(us.CPU), float64(them.CPU), limits.cpuVictoriaLogs)
		add("disk, of VictoriaLogs'", float64(us.Disk), float64(them.Disk), 1)
		add("peak memory fed, of VictoriaLogs'", float64(us.Peak), float64(them.Peak), 1)
		add("peak memory asked, of VictoriaLogs'", float64(us.QueryPeak), float64(them.QueryPeak), 1)
	}
	return all
}

func queryTargets(corpus string, us, them timing) []target {
	count := 1.0
	switch us.Query {
	case "a rare word", "a common word", "a Chinese word":
		count = 1.0 / 10
	}
	ratio := func(ours, theirs time.Duration, most float64) target {
		return target{corpus, us.Query, float64(ours) / float64(max(1, theirs)), most}
	}
	return []target{
		ratio(us.FirstCold, them.FirstCold, 1), ratio(us.FirstWarm, them.FirstWarm, 1),
		ratio(us.CountCold, them.CountCold, count), ratio(us.CountWarm, them.CountWarm, count),
	}
}
