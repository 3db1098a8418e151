package deploy

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// account is the OS user as whom an instance runs. The zero value is Tagtail's
// own, which changes nothing.
type account struct {
	name     string
	uid, gid uint32
	home     string
}

// foreign tells whether it is another user than Tagtail's own, which is root.
func (a account) foreign() bool { return a.uid != 0 }

// words tell of it behind the number of a process.
func (a account) words() string {
	if !a.foreign() {
		return ""
	}
	return " of " + a.name
}

const (
	// accountUmask lets nobody but the user and its group at what is made.
	accountUmask = 0o027
	// accountLife is how long what the system said of a user is used again.
	accountLife = 5 * time.Second
	// The users that people make have these numbers; only they are taken without
	// having been named.
	firstPersonUID, lastPersonUID = 1000, 60000
)

// ownerMark in a RunAs stands for the instance's owner, serviceMark for its
// service.
const ownerMark, serviceMark = "{owner}", "{service}"

var runAsPattern = regexp.MustCompile(`^[A-Za-z0-9_.{}-]{1,64}(:[A-Za-z0-9_.{}-]{1,64})?$`)

// CheckRunAs says what is wrong with a RunAs; without marks in it the user has
// to be there.
func CheckRunAs(runAs string) error {
	if runAs == "" {
		return nil
	}
	plain := strings.NewReplacer(ownerMark, "", serviceMark, "").Replace(runAs)
	if !runAsPattern.MatchString(runAs) || strings.ContainsAny(plain, "{}") {
		return fmt.Errorf("run_as %q is not possible: give USER or USER:GROUP by names or numbers, in which %s and %s may stand", cutText(runAs, 80), ownerMark, serviceMark)
	}
	if plain != runAs || os.Geteuid() != 0 {
		return nil
	}
	if _, err := lookUp(runAs); err != nil {
		return fmt.Errorf("run_as: %w", err)
	}
	return nil
}

// accounts knows as whom instances run. A nil one says: all as Tagtail itself.
type accounts struct {
	// immutable
	runAs   string // of Config
	systemd bool   // which changes the user, also if we are not root

	mu   sync.Mutex
	seen map[string]lookedUp
}

type lookedUp struct {
	account account
	err     error
	at      time.Time
}

// of gives the account of an instance. The error is a sentence for who wants to
// start it.
func (a *accounts) of(in Instance) (account, error) {
	if a == nil || in.Kind == Shared {
		return account{}, nil
	}
	bySystemd := a.systemd && in.Kind != Command
	if os.Geteuid() != 0 && !bySystemd {
		return account{}, nil
	}
	runAs := in.RunAs
	if runAs == "" {
		runAs = a.runAs
	}
	if runAs == "" && bySystemd {
		runAs = ownerMark
	}
	if runAs == "" {
		found, err := a.lookUp(in.Owner())
		if err != nil || found.uid < firstPersonUID || found.uid > lastPersonUID {
			return account{}, nil //nolint:nilerr // nobody has asked for it
		}
		return found, nil
	}
	name := strings.NewReplacer(ownerMark, in.Owner(), serviceMark, in.Service()).Replace(runAs)
	found, err := a.lookUp(name)
	switch {
	case err != nil:
		return account{}, fmt.Errorf("%s cannot be started: %w", in.Name, err)
	case !found.foreign() && bySystemd:
		return account{}, fmt.Errorf("%s cannot be started: run_as makes it root, which systemd's units for instances are not for", in.Name)
	case !found.foreign() && name != runAs:
		return account{}, fmt.Errorf("%s cannot be started: run_as %q makes it root, as which only an instance that is named runs", in.Name, runAs)
	}
	return found, nil
}

// CheckUsers gives the sentence for each instance whose OS user is not there,
// and one, as what is only odd, if some run as root.
func (cfg Config) CheckUsers() (problems []error, odd error) {
	if os.Geteuid() != 0 && cfg.Supervision != Systemd {
		return nil, nil
	}
	who := accounts{runAs: cfg.RunAs, systemd: cfg.Supervision == Systemd}
	var roots []string
	for _, in := range cfg.Instances {
		as, err := who.of(in)
		switch {
		case err != nil:
			problems = append(problems, err)
		case !as.foreign() && in.Kind != Shared && in.RunAs == "" && cfg.RunAs == "":
			roots = append(roots, in.Name)
		}
	}
	switch len(roots) {
	case 0:
		return problems, nil
	case 1:
		odd = fmt.Errorf("%s runs as root", roots[0])
	default:
		odd = fmt.Errorf("%s and %d more run as root", roots[0], len(roots)-1)
	}
	return problems, fmt.Errorf("%w, so their code may do anything: make an OS user for each developer, or name one in run_as", odd)
}

func (a *accounts) lookUp(name string) (account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.seen[name]; ok && time.Since(known.at) < accountLife {
		return known.account, known.err
	}
	if a.seen == nil {
		a.seen = map[string]lookedUp{}
	}
	found, err := lookUp(name)
	a.seen[name] = lookedUp{found, err, time.Now()}
	return found, err
}

// lookUp finds USER or USER:GROUP. A number need not be anybody's.
func lookUp(name string) (account, error) {
	userName, groupName, hasGroup := strings.Cut(name, ":")
	var found account
	if uid, err := parseID(userName); err == nil {
		found = account{name: userName, uid: uid, gid: uid, home: "/"}
		if u, err := user.LookupId(userName); err == nil {
			if found, err = accountOf(u); err != nil {
				return account{}, err
			}
		}
	} else {
		u, err := user.Lookup(userName)
		if err != nil {
			return account{}, fmt.Errorf("there is no OS user %s: make one (useradd --system %s), or name another in run_as", userName, userName)
		}
		if found, err = accountOf(u); err != nil {
			return account{}, err
		}
	}
	if !hasGroup {
		return found, nil
	}
	gid, err := parseID(groupName)
	if err != nil {
		g, err := user.LookupGroup(groupName)
		if err != nil {
			return account{}, fmt.Errorf("there is no OS group %s: make one (groupadd --system %s), or name another in run_as", groupName, groupName)
		}
		if gid, err = parseID(g.Gid); err != nil {
			return account{}, err
		}
	}
	found.gid = gid
	return found, nil
}

func accountOf(u *user.User) (account, error) {
	uid, err := parseID(u.Uid)
	if err != nil {
		return account{}, err
	}
	gid, err := parseID(u.Gid)
	return account{name: u.Username, uid: uid, gid: gid, home: u.HomeDir}, err
}

// parseID refuses the number that means "leave it as it is".
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, fmt.Errorf("%q is not the number of a user or a group", text)
	}
	return uint32(n), nil
}

// start starts cmd as the account: with its group only, without capabilities, a
// way to gain any, or our umask. cmd.Env is set.
func (a account) start(cmd *exec.Cmd) error {
	if !a.foreign() {
		return cmd.Start()
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid} // and setgroups to none
	cmd.Env = append(cmd.Env, "HOME="+a.home, "USER="+a.name, "LOGNAME="+a.name)
	return onOwnThread(func() error {
		// A child has what the thread has that forks it.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("separate the umask: %w", err)
		}
		syscall.Umask(accountUmask)
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("forbid new privileges: %w", err)
		}
		return cmd.Start()
	})
}

// do calls f with the account's own rights on the file system: where the user
// can write, a link could lead anywhere, and then leads to where the user may
// go. f may start no goroutine.
func (a account) do(f func() error) error {
	if !a.foreign() || os.Geteuid() != 0 {
		return f() // only root can act as others
	}
	return onOwnThread(func() error {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
			return fmt.Errorf("leave the groups of root: %w", errno)
		}
		if _, err := unix.SetfsgidRetGid(int(a.gid)); err != nil {
			return fmt.Errorf("become group %d: %w", a.gid, err)
		}
		if _, err := unix.SetfsuidRetUid(int(a.uid)); err != nil {
			return fmt.Errorf("become %s: %w", a.name, err)
		}
		if now, _ := unix.SetfsuidRetUid(-1); now != int(a.uid) { // which is how it tells
			return fmt.Errorf("become %s: the system does not let us", a.name)
		}
		return f()
	})
}

// onOwnThread calls f on a thread that ends with it, whatever f has changed.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread is not used again
		if unix.Gettid() == os.Getpid() {
			err := onOwnThread(f) // the first thread cannot end, and shows as the process
			runtime.UnlockOSThread()
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// open opens a file to read that the user can have put there: a link, or a file
// that is not the user's own, could be one that the user may not read.
func (a account) open(path string) (*os.File, error) {
	if !a.foreign() {
		return openFile(path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	var st syscall.Stat_t
	err = syscall.Fstat(int(f.Fd()), &st)
	if err == nil && (st.Mode&syscall.S_IFMT == syscall.S_IFREG) &&
		(st.Uid == a.uid || int(st.Uid) == os.Geteuid() && st.Nlink == 1 && isOurs(filepath.Dir(path))) {
		return f, nil
	}
	return nil, errors.Join(fmt.Errorf("%s is no file of %s", path, a.name), err, f.Close())
}

// isOurs tells whether a folder is one in which only we, mostly root, can put
// things.
func isOurs(dir string) bool {
	var st syscall.Stat_t
	return syscall.Lstat(dir, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFDIR &&
		int(st.Uid) == os.Geteuid() && st.Mode&0o002 == 0 && (st.Mode&0o020 == 0 || int(st.Gid) == os.Getegid())
}

// unprivilegedPorts is the first TCP port that every user may listen on.
func unprivilegedPorts() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return 1024
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 1024
	}
	return n
}

// mayListen says why the account may not listen on a port.
func (a account) mayListen(in Instance) error {
	if first := unprivilegedPorts(); a.foreign() && in.Port > 0 && in.Port < first {
		return fmt.Errorf("%s runs as %s, which may not listen on port %d: give it a port from %d on", in.Name, a.name, in.Port, first)
	}
	return nil
}
