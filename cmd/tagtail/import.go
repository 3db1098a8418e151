package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest"
	"github.com/tagtail/tagtail/ingest/file"
	"github.com/tagtail/tagtail/viewer"
)

// importPart is how much of a file is imported at once.
const importPart = 8 << 20

// importFlags are how files are to be read.
type importFlags struct {
	instance, as, format, zone string
	before                     string
	end                        time.Time // of before
	year                       int
	again, dry, asJSON         bool
}

func newImportCommand(std streams) *cobra.Command {
	var at clientFlags
	var how importFlags
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Keep what is in old log files, under the times of its lines",
		Long: "Reads log files that rsyslog, nginx or tagtail export have written, also .gz and .zst, and keeps\n" +
			"each line at its own time, on the day that it is of. A file is known by what is in it: what was\n" +
			"imported before is not imported again, whatever the file is called now, one that has grown goes\n" +
			"on where it ended, and so does an import that was broken off. Live tails do not show what is\n" +
			"imported. A server that has the folder open does the work; without one the folder is opened.",
		Example: "  tagtail import /var/log/nginx/error.log*\n  tagtail import --instance httpserver/dev1 /srv/dev1/logs/access.log.2.gz\n" +
			"  tagtail import --as '/srv/{service}/{owner}/logs/*' /srv/*/*/logs/*\n  tagtail import --dry-run --timezone Asia/Shanghai --year 2025 messages.1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd, "import takes files, as in: tagtail import /var/log/nginx/error.log*")
			}
			err := how.validate()
			if err == nil {
				how.end, err = parseBefore(how.before, time.Now())
			}
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			to, err := at.importing(cmd, std, how.dry)
			if err != nil {
				return err
			}
			x := &importRun{flags: how, to: to, std: std, bar: newProgressBar(std.Err), part: importPart}
			err = x.files(cmd.Context(), args)
			return errors.Join(err, to.close())
		},
	}
	at.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&how.instance, "instance", "", "whose the files are: `SERVICE/OWNER`")
	flags.StringVar(&how.as, "as", "", "`pattern` of the files' paths that names the instance: /srv/{service}/{owner}/logs/*")
	flags.StringVar(&how.format, "format", string(file.PastAuto), "how lines are written: auto, traditional, rfc3339, protocol23, nginx or jsonl")
	flags.IntVar(&how.year, "year", 0, "`year` of the first line, where dates have none; without it the file's own time tells")
	flags.StringVar(&how.before, "before", "", "only what is of before this `time`, from which on the lines have arrived live: RFC 3339, or back from now as in 12h or 7d")
	flags.StringVar(&how.zone, "timezone", "", "`zone` of times that name none, such as Asia/Shanghai; without it this machine's")
	flags.BoolVar(&how.again, "again", false, "import what was imported before, too")
	flags.BoolVar(&how.dry, "dry-run", false, "keep nothing: say what would be kept")
	flags.BoolVar(&how.asJSON, "json", false, "print a line of JSON for each file")
	return cmd
}

func (f *importFlags) validate() error {
	part := ingest.ImportPart{Path: "/", Instance: f.instance, Format: file.PastFormat(f.format), Year: f.year}
	if err := part.Validate(); err != nil {
		return err
	}
	if f.as != "" && f.instance != "" {
		return errors.New("--as and --instance both say whose the files are: give one of them")
	}
	if f.zone != "" {
		if _, err := time.LoadLocation(f.zone); err != nil {
			return fmt.Errorf("--timezone %q is not known: give a name such as Asia/Shanghai or UTC", f.zone)
		}
	}
	if f.as == "" {
		return nil
	}
	c := ingest.Config{Files: []ingest.FileInput{{Pattern: f.as}}, FileState: "/"}
	return c.Validate()
}

// location is the zone of times that name none.
func (f *importFlags) location() *time.Location {
	if zone, err := time.LoadLocation(f.zone); f.zone != "" && err == nil {
		return zone
	}
	return localZone()
}

// importing is the store on this machine, or a server that has it.
type importing interface {
	states(ctx context.Context) ([]ingest.ImportProgress, error)
	send(ctx context.Context, part *ingest.ImportPart) (ingest.ImportProgress, error)
	close() error
}

// importing opens the data folder, or finds the server that has it open. A dry
// run reads the configuration, and what was imported from whoever knows.
func (f *clientFlags) importing(cmd *cobra.Command, std streams, dry bool) (importing, error) {
	to, err := f.openImporting(cmd, std)
	if err != nil || !dry {
		return to, err
	}
	cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
	if err != nil {
		return nil, usagef(cmd, "%w", errors.Join(err, to.close()))
	}
	sink := &drySink{}
	if sink.cfg, err = cfg.indexConfig(slog.New(slog.DiscardHandler)); err != nil {
		return nil, errors.Join(err, to.close())
	}
	if sink.known, err = to.states(cmd.Context()); err != nil {
		return nil, errors.Join(err, to.close())
	}
	a := &app{cfg: cfg, logger: slog.New(slog.NewTextHandler(std.Err, nil))}
	im, err := a.importer(sink)
	if err != nil {
		return nil, errors.Join(err, to.close())
	}
	return &localImporting{importer: im, closed: to.close}, nil
}

func (f *clientFlags) openImporting(cmd *cobra.Command, std streams) (importing, error) {
	if f.server == "" {
		cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
		if err != nil {
			return nil, usagef(cmd, "%w", err)
		}
		logger := slog.New(slog.NewTextHandler(std.Err, nil))
		logs, err := cfg.indexConfig(logger)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(logs.Dir); err != nil {
			return nil, fmt.Errorf("there is no store in %s: name the data folder of one with --data", filepath.Dir(logs.Dir))
		}
		store, err := index.Open(logs)
		if err == nil {
			a := &app{cfg: cfg, logger: logger, store: store}
			a.auditResumedPurge()
			im, err := a.importer(store)
			if err != nil {
				return nil, errors.Join(err, store.Close())
			}
			return &localImporting{app: a, importer: im, closed: store.Close}, nil
		}
		if !errors.Is(err, index.ErrLocked) {
			return nil, err
		}
	}
	c, err := f.connect(cmd)
	if err != nil {
		return nil, err
	}
	return &remoteImporting{client: c}, nil
}

// importer is one that nothing else receives beside.
func (a *app) importer(sink ingest.ImportSink) (*ingest.Importer, error) {
	instances, _, err := a.cfg.instances()
	if err != nil {
		return nil, err
	}
	cfg := a.cfg.ingestConfig(instances)
	if cfg.Redact, err = a.cfg.redaction(); err != nil {
		return nil, err
	}
	a.redact = cfg.Redact
	return ingest.NewImporter(cfg, sink)
}

// localImporting has the folder open itself.
type localImporting struct {
	*app     // nil in a dry run
	importer *ingest.Importer
	closed   func() error
}

func (l *localImporting) states(context.Context) ([]ingest.ImportProgress, error) {
	return l.importer.States()
}

func (l *localImporting) send(ctx context.Context, part *ingest.ImportPart) (ingest.ImportProgress, error) {
	done, err := l.importer.Import(ctx, part)
	if l.app != nil {
		name := "uid " + strconv.Itoa(os.Getuid())
		if u, e := user.Current(); e == nil {
			name = u.Username
		}
		l.auditImport(part.Last && err == nil, done, name)
	}
	return done, err
}

func (l *localImporting) close() error { return l.closed() }

// auditImport keeps who has imported a file, once that is done.
func (a *app) auditImport(done bool, p ingest.ImportProgress, by string) {
	if !done {
		return
	}
	e := a.auditEntry("tagtail", "IMPORT", "", deployData{
		{"user", by}, {"action", "import"}, {"result", "ok"}, {"file", p.Path}, {"entries", strconv.FormatInt(p.Entries, 10)},
	})
	e.Message = fmt.Sprintf("import of %s by %s: %d entries", oneLine(p.Path), by, p.Entries)
	a.append(e)
}

// remoteImporting asks a server.
type remoteImporting struct{ client *client }

func (r *remoteImporting) states(ctx context.Context) ([]ingest.ImportProgress, error) {
	var answer struct{ Imports []ingest.ImportProgress }
	err := r.client.do(ctx, http.MethodGet, r.client.api("store/imports", nil), &answer)
	return answer.Imports, err
}

func (r *remoteImporting) send(ctx context.Context, part *ingest.ImportPart) (ingest.ImportProgress, error) {
	query := url.Values{
		"offset": {strconv.FormatInt(part.Offset, 10)}, "path": {part.Path}, "host": {part.Hostname},
		"end": {part.End.UTC().Format(time.RFC3339Nano)}, "format": {string(part.Format)}, "tz": {zoneName(part.Location, part.End)},
	}
	for name, value := range map[string]string{"instance": part.Instance, "as": part.As} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if !part.Before.IsZero() {
		query.Set("before", part.Before.Format(time.RFC3339Nano))
	}
	if part.Year > 0 {
		query.Set("year", strconv.Itoa(part.Year))
	}
	if part.Last {
		query.Set("last", "1")
	}
	var done ingest.ImportProgress
	response, err := r.client.sendBody(ctx, http.MethodPost, r.client.api("store/imports/"+part.ID, query), bytes.NewReader(part.Data))
	if err != nil {
		return done, err
	}
	return done, r.client.decode(response, &done)
}

func (r *remoteImporting) close() error { return nil }

// drySink keeps nothing.
type drySink struct {
	cfg   index.Config
	known []ingest.ImportProgress
}

// Imports implements ingest.ImportSink.
func (d *drySink) Imports() ([]index.ImportState, error) {
	list := make([]index.ImportState, len(d.known))
	for i, p := range d.known {
		state, err := json.Marshal(p.PastState)
		if err != nil {
			return nil, err
		}
		list[i] = index.ImportState{ID: p.ID, State: state}
	}
	return list, nil
}

// Import implements ingest.ImportSink.
func (d *drySink) Import(_ context.Context, batch index.ImportBatch) (index.ImportResult, error) {
	r := index.ImportResult{}
	now := time.Now()
	for i := range batch.Entries {
		at := batch.Entries[i].Received
		if at.Before(d.cfg.Oldest(batch.Entries[i].Instance, now)) {
			r.TooOld++
			continue
		}
		r.Kept++
		if r.First.IsZero() || at.Before(r.First) {
			r.First = at
		}
		if at.After(r.Last) {
			r.Last = at
		}
	}
	_, err := batch.State(r)
	return r, err
}

// pageImporter is the store that the page's API imports to.
type pageImporter struct {
	*app
	importer *ingest.Importer
}

// Imports implements viewer.Importer.
func (p pageImporter) Imports() (any, error) { return p.importer.States() }

// Import implements viewer.Importer.
func (p pageImporter) Import(ctx context.Context, part viewer.ImportPart, by string) (any, error) {
	in := ingest.ImportPart{
		ID: part.ID, Offset: part.Offset, Last: part.Last, Data: part.Data,
		Path: part.Path, Instance: part.Instance, As: part.As, Format: file.PastFormat(part.Format),
		Year: part.Year, Location: part.Location, End: part.End, Hostname: part.Hostname, Before: part.Before,
	}
	if err := in.Validate(); err != nil {
		return nil, &viewer.ImportError{Err: err}
	}
	done, err := p.importer.Import(ctx, &in)
	if errors.Is(err, ingest.ErrImportOffset) {
		return nil, &viewer.ImportError{Err: err, Conflict: true}
	}
	p.auditImport(part.Last && err == nil, done, by)
	return done, err
}

// importRun imports files, one after the other.
type importRun struct {
	flags importFlags
	to    importing
	std   streams
	bar   *progressBar
	part  int // how much is sent at once
	known []ingest.ImportProgress
	total int64 // bytes of all files
	done  int64 // of those before the present one
}

// importReport is what became of a file.
type importReport struct {
	File      string         `json:"file"`
	Entries   int64          `json:"entries"`
	TooOld    int64          `json:"too_old,omitempty"`
	Rejected  int64          `json:"rejected,omitempty"`
	Later     int64          `json:"later,omitempty"` // left out by --before
	From      time.Time      `json:"from,omitzero"`
	To        time.Time      `json:"to,omitzero"`
	Instances map[string]int `json:"instances,omitempty"`
	// Known tells that some of the file was imported before, Complete that all
	// of it was.
	Known    bool `json:"known,omitempty"`
	Complete bool `json:"complete,omitempty"`
	// Longer is the path of what was imported, begins like this one, and is longer.
	Longer string `json:"longer,omitempty"`
	Dry    bool   `json:"dry_run,omitempty"`
}

func (x *importRun) files(ctx context.Context, names []string) error {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("import file: %w", err)
		}
		x.total += info.Size()
	}
	var err error
	if x.known, err = x.to.states(ctx); err != nil {
		return err
	}
	tooOld := int64(0)
	for _, name := range names {
		report, err := x.file(ctx, name)
		x.bar.end()
		if err != nil {
			return fmt.Errorf("%s: %w; what was imported stays, and the same command goes on from there", name, err)
		}
		tooOld += report.TooOld
		if err := x.print(report); err != nil {
			return err
		}
	}
	if tooOld > 0 {
		fmt.Fprintf(x.std.Err, "%d lines are older than what is kept of their instance, and are left out: raise keep before the import.\n", tooOld)
	}
	return nil
}

func (x *importRun) file(ctx context.Context, name string) (importReport, error) {
	report := importReport{File: name, Dry: x.flags.dry}
	s, err := openImport(name)
	if err != nil {
		return report, err
	}
	defer func() {
		x.done += s.size
		_ = s.close() // it was only read
	}()
	if len(s.head) == 0 {
		return report, nil
	}
	part := &ingest.ImportPart{
		Path: s.path, Instance: x.flags.instance, As: x.flags.as, Format: file.PastFormat(x.flags.format),
		Year: x.flags.year, Location: x.flags.location(), End: s.end, Before: x.flags.end,
	}
	if part.Hostname, err = os.Hostname(); err != nil {
		return report, fmt.Errorf("read own hostname: %w", err)
	}
	if !x.flags.again {
		found, all, whole, err := s.known(x.known)
		if err != nil {
			return report, err
		}
		if found != nil {
			part.ID, part.Offset = found.ID, found.Offset
			report.Known, report.Complete = true, all
			if all && !whole {
				report.Longer = found.Path
			}
		}
		if all {
			return report, nil
		}
	}
	if part.ID == "" {
		part.ID = s.newID(x.known)
	}
	if part.Year == 0 && part.Offset == 0 {
		if part.Year, err = s.firstYear(part.Location); err != nil {
			return report, err
		}
	}
	return report, x.parts(ctx, s, part, &report)
}

// parts sends a file from its offset on.
func (x *importRun) parts(ctx context.Context, s *importSource, part *ingest.ImportPart, report *importReport) error {
	if err := s.skip(part.Offset); err != nil {
		return err
	}
	buffer := make([]byte, 0, x.part)
	for {
		n, end, err := s.fill(buffer[len(buffer):x.part])
		buffer = buffer[:len(buffer)+n]
		if err != nil {
			return err
		}
		part.Data, part.Last = buffer, end
		done, err := x.to.send(ctx, part)
		if err != nil {
			return err
		}
		report.add(done, x.knownOf(done))
		used := done.Offset - part.Offset
		if used < 0 || used > int64(len(buffer)) || used == 0 && !part.Last || used < int64(len(buffer)) && part.Last {
			return fmt.Errorf("the server has come to %d after %d bytes from %d on: its version may be another", done.Offset, len(buffer), part.Offset)
		}
		part.Offset = done.Offset
		buffer = buffer[:copy(buffer, buffer[used:])]
		x.bar.showBytes(x.done+s.read.count, x.total)
		if part.Last {
			return nil
		}
	}
}

// knownOf remembers how far an import is, and returns how far it was.
func (x *importRun) knownOf(now ingest.ImportProgress) (before ingest.ImportProgress) {
	for i := range x.known {
		if x.known[i].ID == now.ID {
			before, x.known[i] = x.known[i], now
			return before
		}
	}
	x.known = append(x.known, now)
	return before
}

// add counts a part.
func (r *importReport) add(done, before ingest.ImportProgress) {
	r.Entries += int64(done.Part.Kept)
	r.TooOld += int64(done.Part.TooOld)
	r.Rejected += done.Rejected - before.Rejected
	r.Later += done.Later - before.Later
	if first := done.Part.First; !first.IsZero() && (r.From.IsZero() || first.Before(r.From)) {
		r.From = first
	}
	if done.Part.Last.After(r.To) {
		r.To = done.Part.Last
	}
	for name, n := range done.Instances {
		if r.Instances == nil {
			r.Instances = make(map[string]int)
		}
		r.Instances[name] += n
	}
}

func (x *importRun) print(r importReport) error {
	if x.flags.asJSON {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(x.std.Out, "%s\n", text)
		return err
	}
	_, err := fmt.Fprintf(x.std.Out, "%s\n", appendVisible(nil, r.String()))
	return err
}

// String is one line.
func (r importReport) String() string {
	if r.Longer != "" {
		return fmt.Sprintf("%s: nothing is imported, because it begins like %s, which was imported and is longer: --again imports it all the same", r.File, r.Longer)
	}
	if r.Complete {
		return r.File + ": nothing new, all of it was imported before"
	}
	text := fmt.Sprintf("%s: %d entries", r.File, r.Entries)
	if r.Entries > 0 {
		text += fmt.Sprintf(" from %s to %s", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	if len(r.Instances) > 0 && r.Entries > 0 {
		text += " of " + listCounts(r.Instances)
	}
	if r.TooOld > 0 {
		text += fmt.Sprintf(", %d too old", r.TooOld)
	}
	if r.Later > 0 {
		text += fmt.Sprintf(", %d later", r.Later)
	}
	if r.Rejected > 0 {
		text += fmt.Sprintf(", %d without a header", r.Rejected)
	}
	if r.Known {
		text += ", behind what was imported before"
	}
	if r.Dry {
		text += " (a dry run: nothing is kept)"
	}
	return text
}

// listCounts names what there is most of, and how many others there are.
func listCounts(counts map[string]int) string {
	const most = 3
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	text := strings.Join(names[:min(most, len(names))], ", ")
	if n := len(names) - most; n > 0 {
		text += fmt.Sprintf(" and %d others", n)
	}
	return text
}
