package deploy

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// listenInodes gives the sockets that listen on a TCP port, by inode, with the
// user whose they are. /proc tells it without a connection that the instance would log.
func listenInodes(port int) map[string]int {
	const listen = "0A"
	found := map[string]int{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != listen {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
				uid, err := strconv.Atoi(f[7])
				if err != nil {
					uid = -1
				}
				found[f[9]] = uid
			}
		}
	}
	return found
}

// holdsSocket tells whether a process has one of the sockets open.
func holdsSocket(pid int, inodes map[string]int) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	fds, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, fd := range fds {
		target, err := os.Readlink(dir + "/" + fd.Name())
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			if _, ok := inodes[strings.TrimSuffix(inode, "]")]; ok {
				return true
			}
		}
	}
	return false
}

// holdsPort tells whether a process listens on a port. Where only its own user
// may look, that user's socket counts as its own.
func holdsPort(p process, port int) bool {
	inodes := listenInodes(port)
	if holdsSocket(p.pid, inodes) {
		return true
	}
	if _, err := os.ReadDir("/proc/" + strconv.Itoa(p.pid) + "/fd"); !errors.Is(err, os.ErrPermission) {
		return false
	}
	for _, uid := range inodes {
		if uid == p.uid {
			return true
		}
	}
	return false
}

// portTaken says who listens on a port, or nothing if it is free.
func portTaken(port int) string {
	inodes := listenInodes(port)
	if port == 0 || len(inodes) == 0 {
		return ""
	}
	for pid, title := range readProcessTable().titles {
		if holdsSocket(pid, inodes) {
			return fmt.Sprintf("port %d is in use by process %d (%s)", port, pid, cutText(title, 80))
		}
	}
	return fmt.Sprintf("port %d is in use by another process", port)
}
