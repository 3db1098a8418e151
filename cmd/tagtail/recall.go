package main

import (
	"context"
	"time"

	"github.com/tagtail/tagtail/index"
)

// recaller is the store as the receiver sees it: it can also say what a sender
// has sent last, so that what is sent again after a crash is kept once.
type recaller struct{ *index.Store }

const (
	// recallPage is how many entries are in memory at once.
	recallPage = 512
	// recallDays is for how long the server may have been away for that: a
	// stranger's first message must not make it look through all it has.
	recallDays = 7
)

// Recall implements ingest.Recaller.
func (r recaller) Recall(ctx context.Context, input, source string, limit int, yield func(*index.Entry)) error {
	request := index.SearchRequest{Query: index.SenderQuery(input, source), From: time.Now().AddDate(0, 0, -recallDays)}
	for limit > 0 {
		request.Limit = min(limit, recallPage)
		page, err := r.Search(ctx, request)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			if e := &page.Entries[i]; !index.Imported(e.Seq) { // no sender has sent it
				yield(e)
			}
		}
		if !page.More {
			return nil
		}
		limit -= len(page.Entries)
		request.Before = page.Entries[len(page.Entries)-1].Seq
	}
	return nil
}
