package main

import (
	"context"
	"slices"

	"github.com/tagtail/tagtail/index"
)

// recaller is the store as the receiver sees it: it can also say what a sender
// has sent last, so that what is sent again after a crash is kept once.
type recaller struct{ *index.Store }

// Recall implements ingest.Recaller.
func (r recaller) Recall(ctx context.Context, input, source string, limit int) ([]index.Entry, error) {
	result, err := r.Search(ctx, index.SearchRequest{Query: index.SenderQuery(input, source), Limit: limit})
	if err != nil {
		return nil, err
	}
	slices.Reverse(result.Entries)
	return result.Entries, nil
}
