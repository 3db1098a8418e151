package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/deploy"
)

func TestAChangeThatIsTheSameForManyIsShownOnce(t *testing.T) {
	before, after := map[string][]byte{}, map[string][]byte{}
	var instances []deploy.Instance
	for i := range 9 {
		in := deploy.Instance{Name: fmt.Sprintf("web/dev%d", i+1), Port: 81 + i, Prefix: fmt.Sprintf("/opt/web/dev%d", i+1)}
		instances = append(instances, in)
		conf := func(connections int) []byte {
			return fmt.Appendf(nil, "# %s\nlisten %d;\nroot %s/html;\nworkers %d; # %s\n", in.Name, in.Port, in.Prefix, connections, in.Owner())
		}
		before[in.Name], after[in.Name] = conf(1), conf(2)
		switch i {
		case 3:
			after[in.Name] = conf(3)
		case 5:
			after[in.Name] = conf(1)
		}
	}
	var got []string
	for _, line := range differences(before, after, instances) {
		if line[0] != ' ' && !strings.HasPrefix(line, "@@") && !strings.HasPrefix(line, "diff ") {
			got = append(got, line)
		}
	}
	want := []string{
		"--- web/dev1 now", "+++ web/dev1 then", "-workers 1; # dev1", "+workers 2; # dev1",
		"the same for web/dev2, web/dev3, web/dev5, web/dev7, web/dev8, web/dev9",
		"--- web/dev4 now", "+++ web/dev4 then", "-workers 1; # dev4", "+workers 3; # dev4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
