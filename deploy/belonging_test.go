package deploy

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestAnInstancesOwnProcessesAndTheirChildrenBelongToIt(t *testing.T) {
	_, c, in := command(t, `sleep 1000 & echo child $!; wait`)
	mustDo(t, c, in.Name, Start)
	awaitLog(t, in, "child ")
	child, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(logText(t, in), "child ")))
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{c.Status(t.Context())[0].PID, child} {
		if name, ok := c.InstanceOf(pid); !ok || name != in.Name {
			t.Errorf("process %d belongs to %q, %v, want %s", pid, name, ok, in.Name)
		}
	}
	if name, ok := c.InstanceOf(os.Getpid()); ok {
		t.Errorf("the test itself belongs to %q", name)
	}
	if name, ok := c.InstanceOf(1 << 30); ok {
		t.Errorf("a process that does not exist belongs to %q", name)
	}
	mustDo(t, c, in.Name, Stop)
}

func TestAProgramThatNamesARedisConfigurationIsNoRedis(t *testing.T) {
	w := newWorld(t)
	in := w.layout.redisInstance("dev1", freePort(t))
	c := w.control([]Instance{in}, nil)
	sleep := exec.Command("sh", "-c", "sleep 1000; :", in.Conf)
	sleep.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-sleep.Process.Pid, syscall.SIGKILL) // it runs until then
		_ = sleep.Wait()
	})
	if name, ok := c.InstanceOf(sleep.Process.Pid); ok {
		t.Errorf("it belongs to %q, want nobody", name)
	}
}
