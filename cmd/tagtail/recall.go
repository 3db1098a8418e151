package main

import (
	"context"

	"github.com/tagtail/tagtail/index"
)

// recaller is the store as the receiver sees it: it can also say what a sender
// has sent last, so that what is sent again after a crash is kept once.
type recaller struct{ *index.Store }

// recallPage is how many entries are in memory at once.
const recallPage = 512

// Recall implements ingest.Recaller.
func (r recaller) Recall(ctx context.Context, input, source string, limit int, yield func(*index.Entry)) error {
	request := index.SearchRequest{Query: index.SenderQuery(input, source)}
	for limit > 0 {
		request.Limit = min(limit, recallPage)
		page, err := r.Search(ctx, request)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			yield(&page.Entries[i])
		}
		if !page.More {
			return nil
		}
		limit -= len(page.Entries)
		request.Before = page.Entries[len(page.Entries)-1].Seq
	}
	return nil
}
