package machine_test

import (
	"os"
	"os/exec"
	"strconv"
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

func TestTheMachineRebootsWithItsDisk(t *testing.T) {
	if !machine.Own(t, machine.Config{Setup: "echo 0 >/var/lib/boots; touch /run/first", Boots: 2}) {
		return
	}
	_, err := os.Stat("/run/first")
	if first := err == nil; first != (machine.Boot() == 1) {
		t.Errorf("boot %d has what the first one had in memory: %v", machine.Boot(), first)
	}
	if text, err := os.ReadFile("/var/lib/boots"); err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(machine.Boot()-1) {
		t.Errorf("on boot %d the disk has %q, %v", machine.Boot(), text, err)
	}
	if err := os.WriteFile("/var/lib/boots", []byte(strconv.Itoa(machine.Boot())), 0o600); err != nil {
		t.Fatal(err)
	}
}
