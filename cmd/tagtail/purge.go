package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

func newPurgeCommand(std streams) *cobra.Command {
	var at clientFlags
	var before string
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "purge INSTANCE",
		Short: "Delete what is kept of an instance, and prove it",
		Long: "Deletes the entries of an instance from the journal, the blocks and all that is derived from\n" +
			"them, and then reads everything again: what was deleted and what was read is printed. What\n" +
			"other instances have stays as it is. A server that has the folder open does it, and goes on\n" +
			"meanwhile; what comes while it does is kept.",
		Example: "  tagtail purge socketserver/dev1\n  tagtail purge socketserver/dev1 --before 7d --yes",
		Args:    oneArg("purge takes one instance, as in: tagtail purge socketserver/dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			req := index.PurgeRequest{Instance: args[0]}
			if err := req.Validate(); err != nil {
				return usagef(cmd, "%w", err)
			}
			var err error
			if req.Before, err = parseBefore(before, time.Now()); err != nil {
				return usagef(cmd, "%w", err)
			}
			p, err := at.purging(cmd, std)
			if err != nil {
				return err
			}
			err = runPurge(cmd.Context(), p, req, yes, asJSON, std)
			return errors.Join(err, p.close())
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&before, "before", "", "only what was received before this `time`: RFC 3339, or back from now as in 12h or 7d")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// parseBefore reads a time, or an age.
func parseBefore(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	age, err := parseAge(text)
	if err != nil || age == 0 {
		return time.Time{}, fmt.Errorf("--before %q is no time: give one such as 2026-11-22T10:42:31Z, or an age such as 12h or 7d", text)
	}
	return now.Add(-age).UTC(), nil
}

// purging is the store on this machine, or a server that has it.
type purging interface {
	preview(ctx context.Context, req index.PurgeRequest) (index.PurgeContent, error)
	purge(ctx context.Context, req index.PurgeRequest) (index.PurgeReport, error)
	close() error
}

// purging opens the data folder, or finds the server that has it open.
func (f *clientFlags) purging(cmd *cobra.Command, std streams) (purging, error) {
	a, c, err := f.openStore(cmd, std)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return &remotePurging{client: c, words: std.Err}, nil
	}
	return &localPurging{app: a, bar: newProgressBar(std.Err)}, nil
}

// openStore opens the store of the data folder; if a server has it open, it gives
// that one's client instead.
func (f *clientFlags) openStore(cmd *cobra.Command, std streams) (*app, *client, error) {
	if f.server == "" {
		if a, err := openClosedStore(cmd, std); !errors.Is(err, index.ErrLocked) {
			return a, nil, err
		}
	}
	c, err := f.connect(cmd)
	return nil, c, err
}

// openClosedStore opens the store of the data folder for a command; the error is
// index.ErrLocked if a server has it open.
func openClosedStore(cmd *cobra.Command, std streams) (*app, error) {
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
	if err != nil {
		return nil, err
	}
	a := &app{cfg: cfg, logger: logger, store: store}
	a.auditResumedPurge()
	return a, nil
}

// ownName is who runs the program.
func ownName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + fmt.Sprint(os.Getuid())
}

func runPurge(ctx context.Context, p purging, req index.PurgeRequest, yes, asJSON bool, std streams) error {
	if !yes {
		content, err := p.preview(ctx, req)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.Err, "This would delete %s\nType the instance's name to delete it for ever: ", content.Describe(req.Instance))
		line, err := bufio.NewReader(std.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the answer: %w", err)
		}
		if strings.TrimSpace(line) != req.Instance {
			return errors.New("nothing is deleted, because the name was not typed; --yes does it without asking")
		}
	}
	report, err := p.purge(ctx, req)
	if report.Instance == "" {
		return err
	}
	if asJSON {
		text, encoding := json.Marshal(report)
		if encoding != nil {
			return encoding
		}
		fmt.Fprintf(std.Out, "%s\n", text)
		return err
	}
	fmt.Fprintf(std.Out, "%s\n", report)
	return err
}

// localPurging has the folder open itself.
type localPurging struct {
	*app
	bar *progressBar
}

func (p *localPurging) preview(ctx context.Context, req index.PurgeRequest) (index.PurgeContent, error) {
	return p.store.PurgePreview(ctx, req)
}

func (p *localPurging) purge(ctx context.Context, req index.PurgeRequest) (index.PurgeReport, error) {
	defer p.bar.end()
	return purger{p.app}.Purge(ctx, req, ownName(), p.bar.show)
}

func (p *localPurging) close() error { return p.store.Close() }

// remotePurging asks a server.
type remotePurging struct {
	client *client
	words  io.Writer
}

func (p *remotePurging) url(req index.PurgeRequest) *url.URL {
	query := url.Values{"instance": {req.Instance}}
	if !req.Before.IsZero() {
		query.Set("before", req.Before.Format(time.RFC3339Nano))
	}
	return p.client.api("store/purge", query)
}

func (p *remotePurging) preview(ctx context.Context, req index.PurgeRequest) (index.PurgeContent, error) {
	var answer struct{ Deletes index.PurgeContent }
	err := p.client.do(ctx, http.MethodGet, p.url(req), &answer)
	return answer.Deletes, err
}

func (p *remotePurging) purge(ctx context.Context, req index.PurgeRequest) (report index.PurgeReport, err error) {
	var job deploy.JobView
	if err := p.client.do(ctx, http.MethodPost, p.url(req), &job); err != nil {
		return report, err
	}
	err = p.client.watch(ctx, job, func(line string) {
		if words, ok := strings.CutPrefix(line, "# "); ok {
			fmt.Fprintf(p.words, "%s\n", words)
			return
		}
		err = json.Unmarshal([]byte(line), &report)
	})
	return report, err
}

func (p *remotePurging) close() error { return nil }

// purger is the store that the page purges: it keeps who did what in the log.
type purger struct{ *app }

// PurgePreview implements viewer.Purger.
func (p purger) PurgePreview(ctx context.Context, req index.PurgeRequest) (index.PurgeContent, error) {
	return p.store.PurgePreview(ctx, req)
}

// Purge implements viewer.Purger.
func (p purger) Purge(ctx context.Context, req index.PurgeRequest, by string, progress func(index.Progress)) (index.PurgeReport, error) {
	data := deployData{{"user", by}, {"server", req.Instance}, {"action", "purge"}}
	what := fmt.Sprintf("purge of %s by %s", req.Instance, by)
	if !req.Before.IsZero() {
		data = append(data, [2]string{"before", req.Before.Format(time.RFC3339Nano)})
		what += " up to " + req.Before.Format(time.RFC3339)
	}
	p.auditPurge(what, index.Notice, data)
	report, err := p.store.Purge(ctx, req, progress)
	if err != nil {
		p.auditPurge(what+": "+oneLine(err.Error()), index.Err, append(data, [2]string{"result", "failed"}))
		return report, err
	}
	d := report.Deleted
	p.auditPurge(fmt.Sprintf("%s: %d entries in %d blocks are deleted", what, d.Entries, d.Blocks+d.Rewritten), index.Notice,
		append(data, [2]string{"result", "ok"}, [2]string{"entries", fmt.Sprint(d.Entries)}, [2]string{"bytes", fmt.Sprint(d.Bytes)}))
	return report, nil
}

// auditPurge keeps what is told of a purge. It is of no instance: that of which it
// tells has nothing any more.
func (a *app) auditPurge(message string, severity index.Severity, data deployData) {
	a.auditStore("PURGE", message, severity, data)
}

// auditResumedPurge keeps that this start has finished a purge.
func (a *app) auditResumedPurge() {
	if r := a.store.Resumed(); r != nil {
		a.auditPurge(fmt.Sprintf("purge of %s, which was broken off, is finished: %d more entries are deleted", r.Instance, r.Deleted.Entries),
			index.Notice, deployData{{"server", r.Instance}, {"action", "purge"}, {"result", "ok"}, {"entries", fmt.Sprint(r.Deleted.Entries)}})
	}
}
