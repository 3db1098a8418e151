package machine_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/internal/machine"
)

func TestTheMachineHasItsOwnSystemd(t *testing.T) {
	if !machine.Own(t, machine.Config{Setup: "useradd --system --user-group tester", User: "tester"}) {
		return
	}
	if title, err := os.ReadFile("/proc/1/comm"); err != nil || strings.TrimSpace(string(title)) != "systemd" {
		t.Errorf("process 1 is %q, %v", title, err)
	}
	out, err := exec.Command("systemctl", "show", "--property=Version", "--value").CombinedOutput()
	if err != nil || len(out) == 0 || os.Geteuid() == 0 {
		t.Errorf("as %d: %s %v", os.Geteuid(), out, err)
	}
}
