// Command tagtail-bench measures Tagtail, VictoriaLogs and rsyslog with the
// same lines on the same machine, one after the other.
//
//	corpus → file → feed (one TCP connection) → peer → queries → tables
//
// It is a module of its own, so that the peers' dependencies stay out of
// Tagtail's. What it starts it ends, also when it is interrupted. Start reading
// at run, then measure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options is what a user may choose.
type options struct {
	lines    int           // of each corpus
	corpora  []string      // names
	peers    []string      // names
	runs     int           // of each query, warm
	cold     int           // of each query, each after a restart
	idle     time.Duration // how long a peer must have been to be done
	work     string        // folder of everything that is made
	root     string        // of Tagtail's repository
	growth   []int         // lines after which to query; empty: compare peers
	tail     bool          // measure live tails: compare nothing else
	tails    []int         // how many at once
	loads    []int         // entries a second beside the probes
	probes   int           // of each trial
	json     string        // file for the figures
	markdown bool
	keep     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0 all agreed, 1 it could not be measured or the
// peers count differently, 2 wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "tagtail-bench:", err)
		return 2
	}
	err = bench(ctx, opts, stdout, stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted: everything it started has ended")
	}
	if err != nil {
		fmt.Fprintln(stderr, "tagtail-bench:", err)
		return 1
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	var corpora, peers, growth, tails, loads string
	flags := flag.NewFlagSet("tagtail-bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.lines, "lines", 1_000_000, "lines of each corpus; at least 1000")
	flags.StringVar(&corpora, "corpora", strings.Join(corpusNames, ","), "which corpora")
	flags.StringVar(&peers, "peers", strings.Join(peerNames, ","), "which peers")
	flags.IntVar(&o.runs, "runs", 11, "how often a warm query is asked; its median counts")
	flags.IntVar(&o.cold, "cold", 3, "how often a cold query is asked, each after a restart")
	// VictoriaLogs writes what it holds in memory after five seconds.
	flags.DurationVar(&o.idle, "idle", 8*time.Second, "how long a peer must need no processor to count as done; whole seconds")
	flags.StringVar(&o.work, "work", filepath.Join(os.TempDir(), "tagtail-bench"), "`folder` for corpora, binaries and stores")
	flags.StringVar(&o.root, "root", "", "`folder` of Tagtail's repository (default: found from here upwards)")
	flags.StringVar(&growth, "growth", "", "measure queries while a store grows to each of these `lines`, such as 1000000,3000000")
	flags.BoolVar(&o.tail, "tail", false, "measure live tails instead, from a sender's write to what a tail receives")
	flags.StringVar(&tails, "tails", "1,50,500", "how many `tails` there are at once, with -tail")
	flags.StringVar(&loads, "loads", "0,100000", "`entries` a second that arrive beside, with -tail")
	flags.IntVar(&o.probes, "probes", 500, "how often it is measured, with -tail")
	flags.StringVar(&o.json, "json", "", "write the figures to this `file` too")
	flags.BoolVar(&o.markdown, "markdown", false, "print Markdown")
	flags.BoolVar(&o.keep, "keep", false, "leave the stores in the work folder")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is not a flag: see -h", flags.Arg(0))
	}
	if o.lines < 1000 || o.runs < 1 || o.cold < 1 {
		return o, errors.New("-lines must be 1000 or more, -runs and -cold 1 or more")
	}
	var err error
	if o.corpora, err = names("-corpora", corpora, corpusNames); err != nil {
		return o, err
	}
	if o.peers, err = names("-peers", peers, peerNames); err != nil {
		return o, err
	}
	if o.tails, err = numbers("-tails", tails, 1); err != nil {
		return o, err
	}
	if o.loads, err = numbers("-loads", loads, 0); err != nil {
		return o, err
	}
	if o.probes < 1 || o.probes > 999_999 {
		return o, errors.New("-probes must be 1 to 999999")
	}
	if o.growth, err = sizes(growth); err != nil {
		return o, err
	}
	if o.work, err = filepath.Abs(o.work); err != nil {
		return o, err
	}
	if o.root == "" {
		o.root, err = findRoot()
	}
	return o, err
}

func names(option, list string, known []string) ([]string, error) {
	chosen := strings.Split(list, ",")
	for _, name := range chosen {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%s has %q: name some of %s", option, name, strings.Join(known, ","))
		}
	}
	return chosen, nil
}

func sizes(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 || len(all) > 0 && n <= all[len(all)-1] {
			return nil, fmt.Errorf("-growth has %q: give rising numbers of lines from 1000 on, separated by commas", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// numbers reads a list of numbers of which none is less than least.
func numbers(option, list string, least int) ([]int, error) {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < least {
			return nil, fmt.Errorf("%s has %q: give numbers from %d on, separated by commas", option, text, least)
		}
		all = append(all, n)
	}
	return all, nil
}

// findRoot looks upwards for the module that this one measures.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/tagtail/tagtail\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("this is not Tagtail's repository: run it from there, or name the folder with -root")
		}
	}
}
