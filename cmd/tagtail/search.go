package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/index"
)

// maxPage is the most entries that the server gives in one answer.
const maxPage = 1000

// searchAnswer is what GET /search answers.
type searchAnswer struct {
	Entries []index.Entry `json:"entries"`
	Next    string        `json:"next"`
	Terms   []index.Term  `json:"terms"`
}

func newSearchCommand(std streams) *cobra.Command {
	var at clientFlags
	var from, to string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "search [QUERY]",
		Short: "Print the newest entries that match, oldest first",
		Example: "  tagtail search 'timeout in:socketserver/dev1'\n" +
			"  tagtail search --from 15m 'severity>=warning -redis'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef(cmd, "limit %d is not possible: give 1 or more", limit)
			}
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			query := url.Values{"q": {strings.Join(args, " ")}, "from": {from}, "to": {to}}
			entries, terms, err := c.search(cmd, query, limit)
			if err != nil {
				return err
			}
			printHints(std.Err, terms)
			printer := newEntryPrinter(std.Out, asJSON)
			for _, e := range slices.Backward(entries) {
				if err := printer.print(&e); err != nil {
					return err
				}
			}
			return nil
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&from, "from", "", "not older than this `time`: RFC 3339, or back from now as in 15m or 2d")
	cmd.Flags().StringVar(&to, "to", "", "older than this `time`")
	cmd.Flags().IntVarP(&limit, "limit", "n", 100, "at most this many entries, the newest")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line, with every field")
	return cmd
}

// printHints says where the query was not read as it was perhaps meant.
func printHints(words io.Writer, terms []index.Term) {
	for _, term := range terms {
		if term.Hint != "" {
			fmt.Fprintf(words, "tagtail: %s: %s\n", term.Text, term.Hint)
		}
	}
}

// search returns up to limit entries, newest first, page by page, and how the
// query was read.
func (c *client) search(cmd *cobra.Command, query url.Values, limit int) (entries []index.Entry, terms []index.Term, err error) {
	for len(entries) < limit {
		query.Set("limit", strconv.Itoa(min(limit-len(entries), maxPage)))
		var answer searchAnswer
		if err := c.do(cmd.Context(), http.MethodGet, c.api("search", query), &answer); err != nil {
			return nil, nil, err
		}
		terms = answer.Terms
		entries = append(entries, answer.Entries...)
		if answer.Next == "" {
			break
		}
		if len(answer.Entries) == 0 && answer.Next == query.Get("cursor") {
			return nil, nil, errors.New("the server repeats a page: it is newer or older than this program")
		}
		query.Set("cursor", answer.Next)
	}
	return entries, terms, nil
}
