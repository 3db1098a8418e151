package index

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestShapesCountMessagesThatDifferInTheirValues(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var entries []Entry
	for i := range 300 {
		message := fmt.Sprintf("client 10.0.4.%d connected", i)
		if i%3 == 0 {
			message = fmt.Sprintf("用户 %d 超时 %s", i, strings.Repeat("界", 400))
		}
		entries = append(entries, Entry{Received: testNow, Instance: "a/b", Message: message})
	}
	if err := s.Append(entries); err != nil {
		t.Fatal(err)
	}
	got, err := s.Shapes(t.Context(), ShapesRequest{Query: parse("connected OR 超时")})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Shapes) != 2 || got.Total != 300 || got.Partial || got.Shapes[0].Count != 200 || got.Shapes[1].Count != 100 {
		t.Fatalf("got %+v", got)
	}
	if parts := strings.Join(got.Shapes[0].Parts, "#"); parts != "client #.#.#.# connected" {
		t.Errorf("the first is %q", parts)
	}
	if one := got.Shapes[1]; len(one.Example) > shapedBytes || !strings.HasPrefix(one.Example, "用户 ") || one.Seq == 0 {
		t.Errorf("the second is %+v", one)
	}
	if got, err := s.Shapes(t.Context(), ShapesRequest{Limit: 1}); err != nil || len(got.Shapes) != 1 || got.Total != 300 {
		t.Errorf("of limit 1: %+v, %v", got, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Shapes(ended, ShapesRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}

func TestShapesNameAnEntryOfABlock(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	sealedMessages(t, s, "a/b", "first 1", "second 2")
	got, err := s.Shapes(t.Context(), ShapesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range got.Shapes {
		if want := findAll(t, s, textQuery(one.Example))[0].Seq; one.Seq != want {
			t.Errorf("%q: Seq %d, want %d", one.Example, one.Seq, want)
		}
	}
	if len(got.Shapes) != 2 {
		t.Errorf("%d shapes, want 2", len(got.Shapes))
	}
}

func TestShapesRememberABoundedNumber(t *testing.T) {
	var all, more shapeTable
	all.found, more.found = map[string]*Shape{}, map[string]*Shape{}
	for i := range maxShapes + 10 {
		all.put(fmt.Sprint("a", i), &Shape{Count: 1})
	}
	more.found["new"] = &Shape{Count: 7}
	more.found["a1"] = &Shape{Count: 7}
	all.merge(&more)
	if len(all.found) != maxShapes || !all.partial || all.found["a1"].Count != 8 {
		t.Errorf("%d shapes, partial %t, a1 %d", len(all.found), all.partial, all.found["a1"].Count)
	}
}
