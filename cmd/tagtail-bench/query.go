package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query is one question in three languages.
//
// The three mean the same only by construction, because text means different
// things to them: Tagtail ignores case and finds letters inside longer words,
// VictoriaLogs minds case and finds whole words, grep minds case and finds
// anything. So the corpora write these words in lower case only and never
// inside of others, and ids stand between signs. What fits each peer best is
// asked: VictoriaLogs gets an instance as a stream, grep fixed strings.
type query struct {
	name         string
	tagtail      string
	victorialogs string
	grep         []string
}

func rareIDQuery() query { return wordQuery("a rare id", rareID(3)) }

func rareWordQuery() query { return wordQuery("a rare word", rareWord) }

func wordQuery(name, word string) query {
	return query{name, word, word, []string{"-F", "-e", word}}
}

func phraseQuery(text string) query {
	return query{"a phrase", strconv.Quote(text), strconv.Quote(text), []string{"-F", "-e", text}}
}

// regexQuery takes an expression that RE2 and grep -E read alike.
func regexQuery(expression string) query {
	return query{"a regular expression", "/" + expression + "/", "~" + strconv.Quote(expression), []string{"-E", "-e", expression}}
}

// severityQuery looks for local7.err, the only facility there is.
func severityQuery() query {
	return query{"a field: severity", "severity:err", "severity:=3", []string{"-e", "^<187>"}}
}

// instanceQuery looks for an app, which Tagtail takes for the instance.
func instanceQuery(app string) query {
	return query{
		"a field: instance", "instance:" + strings.Replace(app, "_", "/", 1), fmt.Sprintf("{app_name=%q}", app),
		[]string{"-F", "-e", " server " + app + " "},
	}
}

// timing is how long a query took, and what it found.
type timing struct {
	Query     string        `json:"query"`
	FirstCold time.Duration `json:"first_cold_ns"`
	FirstWarm time.Duration `json:"first_warm_ns"`
	CountCold time.Duration `json:"count_cold_ns"`
	CountWarm time.Duration `json:"count_warm_ns"`
	Count     int           `json:"count"`
}

// asker measures queries of one peer.
type asker struct {
	peer peer
	dir  string
	runs int
	cold int // 0: none
}

func (a asker) ask(ctx context.Context, q query) (timing, error) {
	t := timing{Query: q.name}
	var hits int
	kinds := []struct {
		cold, warm *time.Duration
		ask        func(context.Context, query) (int, error)
		found      *int
	}{
		{&t.FirstCold, &t.FirstWarm, a.peer.first, &hits},
		{&t.CountCold, &t.CountWarm, a.peer.count, &t.Count},
	}
	for _, kind := range kinds {
		once := func() (time.Duration, error) {
			began := time.Now()
			var err error
			*kind.found, err = kind.ask(ctx, q)
			return time.Since(began), err
		}
		var err error
		if a.cold > 0 {
			*kind.cold, err = median(a.cold, func() (time.Duration, error) {
				if err := a.restart(ctx); err != nil {
					return 0, err
				}
				return once()
			})
		}
		if err == nil {
			_, err = once() // the first one warms
		}
		if err == nil {
			*kind.warm, err = median(a.runs, once)
		}
		if err != nil {
			return t, fmt.Errorf("ask %s for %s: %w", a.peer.name(), q.name, err)
		}
	}
	if want := min(t.Count, firstHits); hits != want {
		return t, fmt.Errorf("ask %s for %s: the first page has %d hits instead of %d", a.peer.name(), q.name, hits, want)
	}
	return t, nil
}

// restart leaves nothing of the store in memory, neither in the peer nor in the
// kernel.
func (a asker) restart(ctx context.Context) error {
	return errors.Join(a.peer.stop(), forget(a.dir), a.peer.start(ctx, a.dir))
}

func median(n int, measure func() (time.Duration, error)) (time.Duration, error) {
	all := make([]time.Duration, n)
	for i := range all {
		var err error
		if all[i], err = measure(); err != nil {
			return 0, err
		}
	}
	slices.Sort(all)
	return all[n/2], nil
}
