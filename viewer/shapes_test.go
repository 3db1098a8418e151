package viewer

import (
	"strings"
	"testing"
)

func TestShapesAnswerWithCountsAndAnExample(t *testing.T) {
	ts := startStore(t, twoInstances())
	got := ts.get(t, "/api/v1/shapes?q=entry")
	if want := `{"shapes":[{"parts":["entry ",""],"count":6,"example":"entry 0","seq":1}],"total":6,"partial":false,`; !strings.HasPrefix(string(got.body), want) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := ts.get(t, "/api/v1/shapes?limit=0"); got.status != 400 {
		t.Errorf("limit 0: %d", got.status)
	}
}
