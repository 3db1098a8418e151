package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is what /proc tells about one process.
type process struct {
	pid, parent int
	uid         int
	zombie      bool
	ticks       uint64 // start, in clock ticks since boot: with the pid it is unique until the next boot
	title       string // the command line, blanks between the words
	exe         string // path of the program; empty if we may not know
}

// errGone is about a process that does not run.
var errGone = errors.New("the process is gone")

// readProcess reads /proc/PID.
func readProcess(pid int) (process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return process{}, errGone
	}
	p := process{pid: pid}
	// The program's name, in parentheses, may hold anything, also ")".
	end := strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 20 {
		return process{}, errGone
	}
	p.zombie = fields[0] == "Z" || fields[0] == "X"
	p.parent, _ = strconv.Atoi(fields[1])
	p.ticks, _ = strconv.ParseUint(fields[19], 10, 64)
	p.title = readTitle(pid)
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return process{}, errGone
	}
	p.uid = int(st.Uid)
	p.exe, _ = os.Readlink(dir + "/exe")
	p.exe = strings.TrimSuffix(p.exe, " (deleted)") // the package was upgraded
	return p, nil
}

func readTitle(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ReplaceAll(string(b), "\x00", " "), " ")
}

func (p process) program() string { return filepath.Base(p.exe) }

// started turns the start into a time of the clock, given that of the boot.
func (p process) started(boot time.Time) time.Time {
	// USER_HZ, the unit of /proc, is 100 on every architecture of Linux that Go
	// knows.
	const ticksPerSecond = 100
	if boot.IsZero() {
		return time.Time{}
	}
	whole, part := p.ticks/ticksPerSecond, p.ticks%ticksPerSecond
	return boot.Add(time.Duration(whole)*time.Second + time.Duration(part)*time.Second/ticksPerSecond)
}

// readBootTime is zero if /proc does not tell.
func readBootTime() time.Time {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(b)) {
		if seconds, ok := strings.CutPrefix(line, "btime "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(seconds), 10, 64); err == nil {
				return time.Unix(n, 0)
			}
		}
	}
	return time.Time{}
}

// maySignal says why we may not signal p, or nothing. Root, too, keeps to
// processes of the instance's owner: a process of somebody else that only bears
// the right title is not ours.
func (p process) maySignal(prefix string, as account) string {
	uid := os.Geteuid()
	if p.uid == uid || as.foreign() && p.uid == int(as.uid) {
		return ""
	}
	var st syscall.Stat_t
	if uid == 0 && !as.foreign() && syscall.Stat(prefix, &st) == nil && int(st.Uid) == p.uid {
		return ""
	}
	return fmt.Sprintf("process %d runs as user %d and Tagtail as %d: it was not started from here", p.pid, p.uid, uid)
}

// processTable is the machine's processes at one moment; only their titles are
// read before somebody asks for more.
type processTable struct {
	titles map[int]string // by pid
	boot   time.Time
}

func readProcessTable() processTable {
	t := processTable{titles: map[int]string{}, boot: readBootTime()}
	dir, err := os.Open("/proc")
	if err != nil {
		return t
	}
	defer dir.Close() //nolint:errcheck // it is only read
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return t
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if title := readTitle(pid); title != "" {
				t.titles[pid] = title
			}
		}
	}
	return t
}

// find gives the live processes whose title matches and that prove it.
func (t processTable) find(title func(string) bool, prove func(process) bool) []process {
	var found []process
	for pid, text := range t.titles {
		if !title(text) {
			continue
		}
		p, err := readProcess(pid)
		if err == nil && !p.zombie && prove(p) {
			found = append(found, p)
		}
	}
	return found
}

// children gives the processes whose parent is pid and whose title matches.
func (t processTable) children(pid int, title func(string) bool) []process {
	return t.find(title, func(p process) bool { return p.parent == pid })
}

// hasGroup tells whether a process of the group runs; a zombie has no title
// and is not in the table.
func (t processTable) hasGroup(group int) bool {
	for pid := range t.titles {
		if of, err := syscall.Getpgid(pid); err == nil && of == group {
			return true
		}
	}
	return false
}

// alive tells whether the very process still runs, not one that got its number.
func (p process) alive() bool {
	now, err := readProcess(p.pid)
	return err == nil && now.ticks == p.ticks && !now.zombie
}

// again looks at the very process once more.
func (p process) again() (process, error) {
	now, err := readProcess(p.pid)
	if err != nil || now.ticks != p.ticks || now.zombie || now.title != p.title || now.exe != p.exe {
		return process{}, errGone
	}
	return now, nil
}

// signal sends sig to p after a proof. The handle is taken first and the proof
// after it: what the proof saw is then what the signal reaches, whatever becomes
// of the number.
func (p process) signal(sig syscall.Signal, prefix string, as account) error {
	handle, err := os.FindProcess(p.pid)
	if err != nil {
		return errGone
	}
	defer func() { _ = handle.Release() }() // it only frees the handle
	now, err := p.again()
	if err != nil {
		return err
	}
	if why := now.maySignal(prefix, as); why != "" {
		return errors.New(why)
	}
	if err := handle.Signal(sig); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			return errGone
		}
		return fmt.Errorf("send %s to process %d: %w", sig, p.pid, err)
	}
	return nil
}

// readPID gives the number in a pid file; 0 if there is no file or, as "nginx
// -t" leaves it, an empty one.
func readPID(path string) (int, error) {
	if path == "" {
		return 0, nil
	}
	b, err := readLimited(path, 200)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) == 0 {
		return 0, nil
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil || pid < 2 {
		return 0, fmt.Errorf("the pid file %s does not hold a process number", path)
	}
	return pid, nil
}
