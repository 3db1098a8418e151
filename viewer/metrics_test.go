package viewer

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// metricRows are the rows of docs/metrics.md, as the server answers now: a row
// for each metric of ours with its kind, labels and what it says.
func metricRows(t *testing.T) []string {
	t.Helper()
	ts := team(t, func(c *Config) {
		c.Redactions = func() map[string]uint64 { return map[string]uint64{"passwords": 1} }
		c.Rules = func() []RuleStatus { return []RuleStatus{{Rule: "a.conf:1", Kind: "file", Target: "/a"}} }
		c.Stats = func() index.Stats { return index.Stats{Dropped: 3, Blocks: 4, BlockBytes: 5} }
	})
	ts.do(t, "GET", "/login", "")
	text := string(ts.get(t, "/metrics", "Accept-Encoding", "identity").body)
	for _, want := range []string{"tagtail_store_lost_total 3", "tagtail_store_blocks 4", `tagtail_store_disk_bytes{part="blocks"} 5`, "tagtail_store_failing 0"} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics do not hold %s", want)
		}
	}
	help, label := regexp.MustCompile(`(?m)^# HELP (tagtail_\w+) (.*)\n# TYPE \w+ (\w+)$`), regexp.MustCompile(`[{,](\w+)="`)
	var rows []string
	for _, m := range help.FindAllStringSubmatch(text, -1) {
		var labels []string
		sample := regexp.MustCompile(`(?m)^` + m[1] + `(?:_bucket)?(\{.*)$`).FindStringSubmatch(text)
		if sample != nil {
			for _, l := range label.FindAllStringSubmatch(sample[1], -1) {
				if l[1] != "le" {
					labels = append(labels, "`"+l[1]+"`")
				}
			}
		}
		rows = append(rows, "| `"+m[1]+"` | "+m[3]+" | "+strings.Join(labels, ", ")+" | "+m[2]+" |")
	}
	return rows
}

func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `tagtail_") {
			documented = append(documented, strings.TrimSpace(line))
		}
	}
	want := metricRows(t)
	slices.Sort(want)
	slices.Sort(documented)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/metrics.md (-want +got):\n%s", diff)
	}
}

// Grafana's panels ask for what there is.
func TestDashboardAsksForMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	rows := strings.Join(metricRows(t), "\n")
	name := regexp.MustCompile(`\btagtail_\w+|\bprocess_\w+`)
	used := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			for _, metric := range name.FindAllString(target.Expr, -1) {
				used++
				metric = strings.TrimSuffix(metric, "_bucket")
				if !strings.Contains(rows, "| `"+metric+"` |") && !strings.HasPrefix(metric, "process_") {
					t.Errorf("the panel %q asks for %s, which there is not", panel.Title, metric)
				}
			}
		}
	}
	if used < 15 {
		t.Errorf("%d metrics are shown, want more", used)
	}
}
