package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// systemd has instances started by template units, of which Tagtail may start,
// stop, reload and signal those of instances and no others; so it need not be
// root. The units say as whom they run and what they may do, systemd starts
// again what has crashed. What became of an order is proven as ever: by
// the process, its sockets, the probe and the log.
type systemd struct {
	layout Layout
	dial   func(context.Context) (unitBus, error)
}

// unitBus is what is asked of systemd. The calls that start and reload return
// when systemd has ended its job.
type unitBus interface {
	start(ctx context.Context, unit string) error
	stop(ctx context.Context, unit string) error
	reload(ctx context.Context, unit string) error
	kill(ctx context.Context, unit string, sig syscall.Signal) error // of the main process
	look(ctx context.Context, unit string) (unitState, error)
	Close()
}

// unitState is what systemd knows of a unit.
type unitState struct {
	found   bool
	mainPID int
	user    string
}

// systemdTimeout is how long systemd may take with a job beyond the task's limit.
const systemdTimeout = 10 * time.Second

// checkedConf and checkLog, below PREFIX, are what the unit that checks reads
// and writes.
const (
	checkedConf = "conf/check.conf"
	checkLog    = "run/check.log"
)

func (cfg Config) supervisor() supervisor {
	if cfg.Supervision != Systemd {
		return direct{}
	}
	return systemd{cfg.Layout.withDefaults(), dialSystemd}
}

// EscapeUnit makes a part of a unit's name of any text, as systemd-escape does.
func EscapeUnit(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '/':
			b.WriteByte('-')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ':', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// unit names the unit of an instance's task. The units know the layout's
// folders, so an instance has to be there.
func (s systemd) unit(in Instance, name taskName) (string, error) {
	service, owner := in.Service(), in.Owner()
	if !namePattern.MatchString(service) || !namePattern.MatchString(owner) {
		return "", fmt.Errorf("%s has no unit of systemd: %s", in.Name, nameRule)
	}
	var want Instance
	var unit string
	switch in.Kind {
	case Nginx:
		want = s.layout.nginxInstance(service, owner)
		unit = "tagtail-nginx-" + EscapeUnit(service)
		if name == checkTask {
			unit = "tagtail-check-" + EscapeUnit(service)
			want.Conf = in.Conf // the unit reads a copy
		}
	case Redis:
		want = s.layout.redisInstance(owner, in.Port)
		want.Name = "redis/" + owner
		unit = "tagtail-redis"
	}
	if in.Name != want.Name || in.Prefix != want.Prefix || in.Conf != want.Conf {
		return "", fmt.Errorf("%s has no unit of systemd, which knows ROOT/SERVICE/OWNER/conf/nginx.conf and REDIS_ROOT/etc/PORT.conf: give it the kind command, or set supervisor: direct", in.Name)
	}
	return unit + "@" + EscapeUnit(owner) + ".service", nil
}

func (s systemd) run(ctx context.Context, in Instance, as account, what task, job *Job) (string, error) {
	unit, err := s.unit(in, what.name)
	if err != nil {
		return "", notRun{err}
	}
	bus, err := s.dial(ctx)
	if err != nil {
		return "", notRun{err}
	}
	defer bus.Close()
	if err := runsAs(ctx, bus, unit, as); err != nil {
		return "", notRun{err}
	}
	ctx, cancel := context.WithTimeout(ctx, what.limit+systemdTimeout)
	defer cancel()
	job.printf("$ systemctl start %s", unit)
	if what.name == checkTask {
		return s.check(ctx, bus, in, as, unit)
	}
	log := filepath.Join(in.Prefix, nginxErrorLog)
	if in.Kind == Redis {
		log = "" // the driver knows where it is
		if err := s.nameConf(in); err != nil {
			return "", notRun{err}
		}
	}
	offset := fileSize(log)
	if err := bus.start(ctx, unit); err != nil {
		// Else it would be tried again when everybody has been told that it failed.
		return nginxWords(as.linesSince(log, offset, 20)), errors.Join(err, bus.stop(context.WithoutCancel(ctx), unit))
	}
	return "", nil
}

// nginxWords are the lines of a log as nginx prints them.
func nginxWords(lines []string) string {
	var said []string
	for _, line := range lines {
		m := logLineStart.FindStringSubmatch(line)
		if m != nil && m[1] != "debug" && m[1] != "notice" && !strings.Contains(line, codeCacheAlert) {
			said = append(said, fmt.Sprintf("nginx: [%s] %s", m[1], line[len(m[0]):]))
		}
	}
	return strings.Join(said, "\n")
}

// runsAs checks that the unit is there, and whose its processes will be.
func runsAs(ctx context.Context, bus unitBus, unit string, as account) error {
	state, err := bus.look(ctx, unit)
	switch {
	case err != nil:
		return err
	case !state.found:
		template, _, _ := strings.Cut(unit, "@")
		return fmt.Errorf("systemd has no unit %s@.service: write it with tagtail units, and run systemctl daemon-reload", template)
	case state.user != as.name && state.user != strconv.Itoa(int(as.uid)):
		return fmt.Errorf("%s runs as %q, and run_as says %s: write it again with tagtail units, and run systemctl daemon-reload", unit, state.user, as.name)
	}
	return nil
}

// check has nginx judge a copy, in a unit of its own: as the instance's user,
// who writes down what it says.
func (s systemd) check(ctx context.Context, bus unitBus, in Instance, as account, unit string) (string, error) {
	text, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil {
		return "", err
	}
	copied, log := filepath.Join(in.Prefix, checkedConf), filepath.Join(in.Prefix, checkLog)
	if err := errors.Join(as.writeConf(in, copied, text), removeStaged(log)); err != nil {
		return "", err
	}
	// Once it has read the configuration, it writes to the log that is named there.
	later := filepath.Join(in.Prefix, nginxErrorLog)
	offset := fileSize(later)
	startErr := bus.start(ctx, unit)
	lines := as.linesSince(log, 0, 200)
	if startErr != nil {
		lines = append(lines, as.linesSince(later, offset, 20)...)
	}
	return strings.ReplaceAll(nginxWords(lines), copied, in.Conf), errors.Join(startErr, os.Remove(copied))
}

// nameConf gives the configuration, whose name is a port, the name by which the
// owner's unit finds it.
func (s systemd) nameConf(in Instance) error {
	link := filepath.Join(filepath.Dir(in.Conf), in.Owner()+".conf")
	target := filepath.Base(in.Conf)
	if have, err := os.Readlink(link); err == nil && have == target {
		return nil
	}
	next := link + ".new"
	if err := removeStaged(next); err != nil {
		return err
	}
	if err := os.Symlink(target, next); err != nil {
		return err
	}
	return os.Rename(next, link)
}

func (s systemd) signal(ctx context.Context, in Instance, as account, p process, sig syscall.Signal) error {
	unit, err := s.unit(in, startTask)
	if err != nil {
		return err
	}
	bus, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer bus.Close()
	now, err := p.again()
	if err != nil {
		return err
	}
	if why := s.maySignal(in, as, now); why != "" {
		return errors.New(why)
	}
	state, err := bus.look(ctx, unit)
	switch {
	case err != nil:
		return err
	case state.mainPID != p.pid:
		return fmt.Errorf("process %d is not the main one of %s, which is %d", p.pid, unit, state.mainPID)
	}
	switch {
	case sig == syscall.SIGHUP:
		return bus.reload(ctx, unit)
	case sig == syscall.SIGUSR1:
		return bus.kill(ctx, unit, sig)
	case sig == syscall.SIGTERM && in.Kind == Nginx: // the unit's own way is to quit
		return errors.Join(bus.kill(ctx, unit, sig), bus.stop(ctx, unit))
	case sig == syscall.SIGTERM, sig == syscall.SIGQUIT:
		return bus.stop(ctx, unit)
	}
	return fmt.Errorf("systemd is not asked to send %s", sig)
}

func (s systemd) maySignal(in Instance, as account, p process) string {
	unit, err := s.unit(in, startTask)
	switch {
	case err != nil:
		return err.Error()
	case p.uid != int(as.uid):
		return fmt.Sprintf("process %d runs as user %d, and %s is to run as %s: end it with kill %d, and start it again here", p.pid, p.uid, in.Name, as.name, p.pid)
	case !inUnit(p.pid, unit):
		return fmt.Sprintf("process %d was not started by systemd as %s: end it with kill %d, and start it again here", p.pid, unit, p.pid)
	}
	return ""
}

// inUnit tells whether a process is in the control group of a unit.
func inUnit(pid int, unit string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if slices.Contains(strings.Split(strings.TrimSpace(line), "/"), unit) {
			return true
		}
	}
	return false
}

// UnitFiles gives the files of systemd for a configuration, by name: a template
// for each service of nginx, and for Redis, the slice of a developer, and the
// rule with which polkit lets user, who need not be root, move them.
func (cfg Config) UnitFiles(user string) (map[string]string, error) {
	if !unitUser.MatchString(user) {
		return nil, fmt.Errorf("user %q is not the name of an OS user", cutText(user, 80))
	}
	if cfg.RunAs != "" && CheckRunAs(cfg.RunAs) != nil {
		return nil, CheckRunAs(cfg.RunAs)
	}
	nginx, ok := FindNginx(cfg.Nginx)
	if !ok {
		nginx = "/usr/sbin/nginx"
	}
	redis, ok := redisDriver{program: cfg.RedisServer}.find()
	if !ok {
		redis = "/usr/bin/redis-server"
	}
	l := cfg.Layout.withDefaults()
	for _, path := range []string{nginx, redis, l.Root, l.RedisRoot} {
		if !probePathPattern.MatchString(path) {
			return nil, fmt.Errorf("the path %q cannot stand in a unit of systemd: use letters, digits, and _ . - /", path)
		}
	}
	runAs, group, hasGroup := strings.Cut(strings.NewReplacer(ownerMark, "%I", serviceMark, "%J").Replace(cfg.RunAs), ":")
	if runAs == "" {
		runAs = "%I"
	}
	if hasGroup {
		runAs += "\nGroup=" + group
	}
	fill := strings.NewReplacer("/usr/sbin/nginx", nginx, "/usr/bin/redis-server", redis, "/opt/hhl", l.Root,
		"/opt/redis", l.RedisRoot, "User=%I", "User="+runAs, `"tagtail"`, strconv.Quote(user))
	files := map[string]string{}
	add := func(name, from string) error {
		text, err := unitSources.ReadFile("systemd/" + from)
		files[name] = fill.Replace(string(text))
		return err
	}
	err := errors.Join(add("50-tagtail.rules", "50-tagtail.rules"), add("tagtail-.slice.d/limits.conf", "limits.conf"))
	for _, in := range cfg.Instances {
		switch in.Kind {
		case Nginx:
			service := EscapeUnit(in.Service())
			err = errors.Join(err, add("tagtail-nginx-"+service+"@.service", "tagtail-nginx-service@.service"),
				add("tagtail-check-"+service+"@.service", "tagtail-check-service@.service"))
		case Redis:
			err = errors.Join(err, add("tagtail-redis@.service", "tagtail-redis@.service"))
		}
	}
	return files, err
}

var unitUser = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
