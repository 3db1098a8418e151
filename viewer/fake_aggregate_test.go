package viewer

import (
	"context"
	"fmt"
	"time"

	"github.com/tagtail/tagtail/index"
)

// matches lists what a query finds, oldest first.
func (f *fakeLogs) matches(req index.SearchRequest) ([]index.Entry, error) {
	req.Limit, req.Order = -1, index.OldestFirst
	result, err := f.Search(context.Background(), req)
	return result.Entries, err
}

// Histogram has one bucket of a minute.
func (f *fakeLogs) Histogram(_ context.Context, req index.HistogramRequest) (index.Histogram, error) {
	found, err := f.matches(index.SearchRequest{Query: req.Query, From: req.From, To: req.To})
	if err != nil || len(found) == 0 {
		return index.Histogram{}, err
	}
	bucket := index.HistogramBucket{Time: someTime, Total: uint64(len(found))}
	for i := range found {
		bucket.BySeverity[found[i].Severity]++
	}
	return index.Histogram{From: someTime, To: req.To, Step: time.Minute, Buckets: []index.HistogramBucket{bucket}}, nil
}

// Facets counts instances only.
func (f *fakeLogs) Facets(_ context.Context, req index.FacetsRequest) (index.Facets, error) {
	found, err := f.matches(index.SearchRequest{Query: req.Query, From: req.From, To: req.To})
	values := []index.FacetValue{{Value: "socketserver/dev1", Count: uint64(len(found))}}
	return index.Facets{Fields: []index.Facet{{Field: "instance", Values: values, Others: uint64(req.Limit), Partial: true}}}, err
}

func (f *fakeLogs) Shapes(context.Context, index.ShapesRequest) (index.Shapes, error) {
	return index.Shapes{}, nil
}

func (f *fakeLogs) Context(_ context.Context, req index.ContextRequest) (index.ContextResult, error) {
	found, err := f.matches(index.SearchRequest{Query: req.Visible, After: req.Seq - 1, Before: req.Seq + 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("find it: %w", index.ErrNoEntry)
	}
	return index.ContextResult{Entries: found}, err
}

func (f *fakeLogs) Export(ctx context.Context, req index.ExportRequest, yield func([]index.Entry) error) error {
	found, err := f.matches(index.SearchRequest{Query: req.Query, From: req.From, To: req.To})
	if err != nil {
		return err
	}
	for len(found) > 0 {
		n := min(len(found), followBatch)
		if err := yield(found[:n]); err != nil {
			return err
		}
		if found = found[n:]; ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
