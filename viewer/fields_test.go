package viewer

import "testing"

func TestFieldsListTheGrammar(t *testing.T) {
	ts := startTest(t, 0)
	got := ts.get(t, "/api/v1/fields")
	var answer struct {
		Fields []struct{ Name, Kind, Example, Facet string }
	}
	got.decode(t, &answer)
	if got.status != 200 || len(answer.Fields) == 0 || answer.Fields[0].Name != "instance" || answer.Fields[0].Facet != "instance" {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
