package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

func newVerifyCommand(std streams) *cobra.Command {
	return newUpkeepCommand(std, &cobra.Command{
		Use:   "verify",
		Short: "Compare every checksum of what is kept and list what is damaged",
		Long: "Reads the journal, all blocks, their filters and the word indexes, and changes nothing.\n" +
			"Damage is listed on stdout, FILE:OFFSET: a line each, and the exit code is 1.",
		Example: "  tagtail verify --data /var/lib/tagtail",
	}, func(ctx context.Context, cfg index.Config, progress func(index.Progress)) error {
		report, err := index.Verify(ctx, cfg, progress)
		for _, f := range report.Findings {
			fmt.Fprintln(std.Out, f)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(std.Err, "%s\n", report)
		return report.Err()
	})
}

func newRebuildCommand(std streams) *cobra.Command {
	return newUpkeepCommand(std, &cobra.Command{
		Use:     "rebuild",
		Short:   "Make the word indexes and filters again from what is kept",
		Example: "  tagtail rebuild --data /var/lib/tagtail",
	}, index.Rebuild)
}

// newUpkeepCommand completes a command that works on the data folder, or asks
// the server that has it open.
func newUpkeepCommand(std streams, cmd *cobra.Command, work func(context.Context, index.Config, func(index.Progress)) error) *cobra.Command {
	var at clientFlags
	cmd.Args = noArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if at.server == "" {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			logs, err := cfg.indexConfig(slog.New(slog.NewTextHandler(std.Err, nil)))
			if err != nil {
				return err
			}
			bar := newProgressBar(std.Err)
			err = work(cmd.Context(), logs, bar.show)
			bar.end()
			if !errors.Is(err, index.ErrLocked) {
				return err
			}
		}
		c, err := at.connect(cmd)
		if err != nil {
			return err
		}
		return c.keepStore(cmd.Context(), cmd.Name(), std)
	}
	at.add(cmd)
	return cmd
}

// keepStore has the server do the action and copies what it says.
func (c *client) keepStore(ctx context.Context, action string, std streams) error {
	var job deploy.JobView
	if err := c.do(ctx, http.MethodPost, c.api("store/"+action, nil), &job); err != nil {
		return err
	}
	return c.watch(ctx, job, func(line string) {
		if words, ok := strings.CutPrefix(line, "# "); ok {
			fmt.Fprintf(std.Err, "%s\n", words)
			return
		}
		fmt.Fprintf(std.Out, "%s\n", appendVisible(nil, line))
	})
}

// progressBar draws on a terminal, and nowhere else.
type progressBar struct {
	out   io.Writer // nil if it is no terminal
	tenth int       // of a percent, as it was drawn
}

const barWidth = 40

func newProgressBar(out io.Writer) *progressBar {
	if file, ok := out.(*os.File); ok {
		if _, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS); err == nil {
			return &progressBar{out: out, tenth: -1}
		}
	}
	return &progressBar{}
}

func (b *progressBar) show(p index.Progress) {
	if b.out == nil || p.Total == 0 || p.Done*1000/p.Total == b.tenth {
		return
	}
	b.tenth = p.Done * 1000 / p.Total
	full := min(barWidth, p.Done*barWidth/p.Total)
	fmt.Fprintf(b.out, "\r[%s%s] %d of %d files ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), p.Done, p.Total)
}

// showBytes is show for what is counted in bytes.
func (b *progressBar) showBytes(done, total int64) {
	if b.out == nil || total == 0 || int(done*1000/total) == b.tenth {
		return
	}
	b.tenth = int(done * 1000 / total)
	full := min(barWidth, int(done*barWidth/total))
	fmt.Fprintf(b.out, "\r[%s%s] %d of %d MB ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), done>>20, total>>20)
}

// end clears the line.
func (b *progressBar) end() {
	if b.out != nil {
		fmt.Fprint(b.out, "\r\x1b[K")
	}
}
