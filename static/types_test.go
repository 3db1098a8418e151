package static

import (
	"os"
	"os/exec"
	"testing"
)

// npmTool is a development dependency that `make test` installs.
func npmTool(t *testing.T, path string) string {
	t.Helper()
	path = "node_modules/" + path
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: run npm ci in this folder", err)
		}
		t.Skip("the page's development dependencies are missing: run npm ci in this folder")
	}
	return path
}

func TestTypesHold(t *testing.T) {
	out, err := exec.Command("node", npmTool(t, "typescript/bin/tsc"), "--project", "tsconfig.json").CombinedOutput()
	if err != nil {
		t.Errorf("tsc: %v\n%s", err, out)
	}
}
