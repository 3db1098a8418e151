package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func newCountCommand(std streams) *cobra.Command {
	var at clientFlags
	var when rangeFlags
	cmd := &cobra.Command{
		Use:     "count [QUERY]",
		Short:   "Print how many entries match",
		Example: "  tagtail count --from 1d 'severity>=err in:socketserver/dev1'",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			var answer struct {
				Count uint64 `json:"count"`
			}
			if err := c.do(cmd.Context(), http.MethodGet, c.api("count", when.query(args)), &answer); err != nil {
				return err
			}
			_, err = fmt.Fprintln(std.Out, answer.Count)
			return err
		},
	}
	at.add(cmd)
	when.add(cmd)
	return cmd
}

func newExportCommand(std streams) *cobra.Command {
	var at clientFlags
	var when rangeFlags
	var format string
	cmd := &cobra.Command{
		Use:   "export [QUERY]",
		Short: "Print every entry that matches, oldest first",
		Example: "  tagtail export --from 2026-11-22T10:00:00Z --to 2026-11-22T11:00:00Z in:socketserver/dev1 >hour.ndjson\n" +
			"  tagtail export --format csv 'severity>=err' >errors.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			query := when.query(args)
			query.Set("format", format)
			return c.copyTo(cmd.Context(), std.Out, c.api("export", query))
		},
	}
	at.add(cmd)
	when.add(cmd)
	cmd.Flags().StringVar(&format, "format", "ndjson", "how to write them: ndjson (exact), csv (for spreadsheets) or txt (a line each)")
	return cmd
}

// rangeFlags are the flags of a range of time.
type rangeFlags struct{ from, to string }

func (f *rangeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.from, "from", "", "not older than this `time`: RFC 3339, or back from now as in 15m or 2d")
	cmd.Flags().StringVar(&f.to, "to", "", "older than this `time`")
}

// query returns the parameters of a search for the arguments' text.
func (f *rangeFlags) query(args []string) url.Values {
	return url.Values{"q": {strings.Join(args, " ")}, "from": {f.from}, "to": {f.to}}
}

// copyTo writes the body of an answer as it comes. An answer that breaks off is
// an error.
func (c *client) copyTo(ctx context.Context, out io.Writer, u *url.URL) error {
	response, err := c.send(ctx, http.MethodGet, u)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return fmt.Errorf("the export is not whole: %w", err)
	}
	return nil
}
