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

// How long each step of nginx may take.
const (
	nginxTestLimit   = 30 * time.Second // it loads certificates and modules
	nginxStartLimit  = 10 * time.Second
	nginxStopLimit   = 10 * time.Second
	nginxQuitLimit   = 30 * time.Second // open requests have worker_shutdown_timeout
	nginxReloadLimit = 5 * time.Second
)

const (
	nginxMaster   = "nginx: master process "
	nginxWorker   = "nginx: worker process"
	nginxLeaving  = "nginx: worker process is shutting down"
	nginxErrorLog = "logs/error.log" // below the prefix; also given by -e
)

// nginxDriver drives nginx and OpenResty. It never uses "nginx -s", which
// signals whatever process the pid file names.
type nginxDriver struct {
	program  string // as configured, may be empty
	source   source
	accounts *accounts
	control  supervisor
}

func (d nginxDriver) observe(table processTable, in Instance) observation {
	seen := observation{state: Stopped}
	if _, ok := FindNginx(d.program); !ok {
		seen.noStart = "nginx is not installed on the server: apt install nginx libnginx-mod-http-lua lua-nginx-websocket"
	}
	as := d.accounts.ownerOf(in, &seen)
	seen.processes = d.masters(table, in)
	pid, err := readPID(in.PIDFile)
	if len(seen.processes) == 0 {
		seen.state, seen.detail = withoutProcess(pid, err, in)
		return seen
	}
	seen.state = Running
	seen.noSignal = d.control.maySignal(in, as, seen.processes[0])
	switch named := isNamed(seen.processes, pid); {
	case len(seen.processes) > 1:
		seen.detail = fmt.Sprintf("%d masters run for %s: processes %s; stop ends them all", len(seen.processes), in.Prefix, pidList(seen.processes))
	case !named:
		seen.detail = fmt.Sprintf("the pid file %s does not name the running process %d", in.PIDFile, seen.processes[0].pid)
	}
	return seen
}

// withoutProcess is the state of an instance that has no process: a pid file
// that is left shows that it did not end by itself.
func withoutProcess(pid int, err error, in Instance) (State, string) {
	switch {
	case err != nil:
		return Unknown, err.Error()
	case pid == 0:
		return Stopped, ""
	}
	if other, err := readProcess(pid); err == nil && !other.zombie {
		return Failed, fmt.Sprintf("it does not run, and its pid file %s names a stranger: process %d (%s)", in.PIDFile, pid, cutText(other.title, 80))
	}
	return Failed, fmt.Sprintf("process %d is gone and left its pid file %s behind", pid, in.PIDFile)
}

func isNamed(list []process, pid int) bool {
	for _, p := range list {
		if p.pid == pid {
			return true
		}
	}
	return false
}

func pidList(list []process) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", p.pid)
	}
	return b.String()
}

// masters gives the master processes that are proven to be this instance's: by
// title, with -p and our prefix, by the program that they run, and by their
// user: anybody can start an nginx with that title.
func (d nginxDriver) masters(table processTable, in Instance) []process {
	as, _ := d.accounts.of(in) // observe tells of the error
	found := table.find(
		func(title string) bool {
			return strings.HasPrefix(title, nginxMaster) && hasPrefixFlag(title, in.Prefix)
		},
		func(p process) bool {
			if as.foreign() && p.uid != int(as.uid) && p.uid != 0 {
				return false
			}
			switch p.program() {
			case "nginx", "nginx-debug", "openresty":
				return true
			case "", ".": // another user's: maySignal refuses it
				return p.uid != os.Geteuid()
			}
			configured, ok := FindNginx(d.program)
			resolved, err := filepath.EvalSymlinks(configured)
			return ok && err == nil && resolved == p.exe
		})
	// A worker bears the master's title for a moment after the fork.
	return slices.DeleteFunc(slices.Clone(found), func(p process) bool { return isNamed(found, p.parent) })
}

// hasPrefixFlag finds "-p PREFIX" in a command line whose words are joined by
// blanks; the prefix may hold blanks itself.
func hasPrefixFlag(title, prefix string) bool {
	for _, flag := range []string{" -p " + prefix, " -p" + prefix} {
		i := strings.Index(title, flag)
		if i < 0 {
			continue
		}
		rest := strings.TrimLeft(title[i+len(flag):], "/")
		if rest == "" || rest[0] == ' ' {
			return true
		}
	}
	return false
}

func (d nginxDriver) act(ctx context.Context, in Instance, action Action, job *Job) error {
	masters := d.masters(readProcessTable(), in)
	if len(masters) == 0 && action == Restart {
		action = Start
	}
	as, err := d.runsAs(in, masters)
	if err != nil && action != Stop && action != Quit {
		return err
	}
	switch action {
	case Start:
		if len(masters) > 0 {
			return fmt.Errorf("%s runs already, as process %d", in.Name, masters[0].pid)
		}
		return d.start(ctx, in, job)
	case Test:
		if err := d.prepare(ctx, in, as, job); err != nil {
			return err
		}
		return d.test(ctx, in, as, job)
	}
	if len(masters) == 0 {
		return errors.New(in.Name + " does not run")
	}
	switch action {
	case Stop:
		return d.end(ctx, in, masters, job, syscall.SIGTERM)
	case Quit:
		return d.end(ctx, in, masters, job, syscall.SIGQUIT)
	case Reload:
		if err := d.prepare(ctx, in, as, job); err != nil {
			return err
		}
		return d.reload(ctx, in, masters[0], job)
	case Reopen:
		if err := d.control.signal(ctx, in, as, masters[0], syscall.SIGUSR1); err != nil {
			return err
		}
		job.printf("sent USR1 to process %d: it opens its log files again", masters[0].pid)
		return nil
	case Restart:
		// Tested first: what runs goes on if the new configuration is broken.
		if err := d.test(ctx, in, as, job); err != nil {
			return err
		}
		if err := d.end(ctx, in, masters, job, syscall.SIGTERM); err != nil {
			return err
		}
		return d.start(ctx, in, job)
	}
	return fmt.Errorf("nginx has no action %q", action)
}

// runsAs is the account as which the instance runs now or will run: what root
// has started stays root's, folders included, until it is started again.
func (d nginxDriver) runsAs(in Instance, masters []process) (account, error) {
	if os.Geteuid() == 0 && len(masters) > 0 && masters[0].uid == 0 {
		return account{}, nil
	}
	return d.accounts.of(in)
}

// prepare makes the directories, and the configuration if there is none.
func (d nginxDriver) prepare(ctx context.Context, in Instance, as account, job *Job) error {
	err := as.claim(in)
	if err == nil {
		err = makeDirs(filepath.Dir(in.Conf), filepath.Join(in.Prefix, "conf"))
	}
	if err != nil {
		return err
	}
	if err := d.ensureConf(ctx, in, as, job); err != nil {
		return err
	}
	conf, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil {
		return err
	}
	return d.giveFolders(in, as, conf)
}

// giveFolders makes what nginx writes to. Without run_as a configuration's own
// folders are its author's to make.
func (d nginxDriver) giveFolders(in Instance, as account, conf []byte) error {
	if !as.foreign() {
		return makeDirs(filepath.Join(in.Prefix, "logs"), filepath.Join(in.Prefix, "run"))
	}
	return errors.Join(as.handOver(writtenFolders(in, conf)...), as.mayEnter(in.Prefix))
}

func (d nginxDriver) ensureConf(ctx context.Context, in Instance, as account, job *Job) error {
	src := d.source
	if program, ok := FindNginx(d.program); ok && src.render.Modules == nil {
		src.render.Modules = FindModules(ctx, program)
	}
	return src.ensureConf(in, as, job)
}

// nginx runs the program with the flags that make it this instance's: without
// -c and -e, a packaged nginx reads and writes the machine's own files.
func (d nginxDriver) nginx(ctx context.Context, in Instance, as account, job *Job, flags ...string) error {
	what := task{name: startTask, dir: in.Prefix, limit: nginxStartLimit}
	if len(flags) > 0 {
		what.name, what.limit = checkTask, nginxTestLimit
	}
	program, ok := FindNginx(d.program)
	if !ok {
		return errors.New("the nginx program is gone from the server")
	}
	conf := in.Conf
	if rel, err := filepath.Rel(in.Prefix, conf); err == nil && filepath.IsLocal(rel) {
		conf = rel
	}
	what.argv = append([]string{program, "-p", in.Prefix, "-c", conf, "-e", nginxErrorLog}, flags...)
	out, err := d.control.run(ctx, in, as, what, job)
	word := lastWord(out)
	if err == nil {
		out = withoutPraise(out)
	}
	if out != "" {
		job.printf("%s", out)
	}
	if err != nil && word != "" {
		return errors.New(word)
	}
	return err
}

// codeCacheAlert is told at each reading of a configuration that wants it so.
const codeCacheAlert = "[alert] lua_code_cache is off"

// withoutPraise leaves of nginx's output what a person may want to act on: that
// all is well is told in other words, and that Lua is not cached is what the
// template asks for.
func withoutPraise(out string) string {
	var kept []string
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasSuffix(line, " syntax is ok"), strings.HasSuffix(line, " test is successful"):
		case strings.Contains(line, codeCacheAlert):
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// lastWord is the line of nginx's output that says what is wrong.
func lastWord(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.Contains(lines[i], "[emerg]") {
			return lines[i]
		}
	}
	return lines[len(lines)-1]
}

// test asks nginx about the configuration, and looks for what it does not look
// for: missing Lua files.
func (d nginxDriver) test(ctx context.Context, in Instance, as account, job *Job) error {
	err := d.nginx(ctx, in, as, job, "-t")
	if begun := (notRun{}); errors.As(err, &begun) {
		return err
	}
	if err != nil {
		showPlace(in.Conf, err, job)
		return fmt.Errorf("nginx refuses the configuration: %w", err)
	}
	job.printf("nginx accepts the configuration")
	conf, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil {
		return err
	}
	for _, dir := range scanNginx(conf) {
		if !strings.HasSuffix(dir.name, "_by_lua_file") || len(dir.args) == 0 || strings.Contains(dir.args[0], "$") {
			continue
		}
		path := dir.args[0]
		if !filepath.IsAbs(path) {
			path = filepath.Join(in.Prefix, path)
		}
		if _, err := os.Stat(path); err == nil {
			continue
		}
		code := filepath.Join(in.Prefix, codeFolder)
		if _, err := os.Lstat(code); errors.Is(err, os.ErrNotExist) && strings.HasPrefix(path, code+"/") {
			job.printf("note: no code is deployed yet: push a commit with the first line UP to %s", in.Service())
			return nil
		}
		job.printf("warning: %s of %s does not exist", path, dir.name)
	}
	return nil
}

// placePattern is where nginx has found something.
var placePattern = regexp.MustCompile(` in (\S+):(\d+)$`)

// showPlace prints the lines of a configuration up to the one that nginx does
// not like: who has pushed a template has not seen what became of it.
func showPlace(conf string, refused error, job *Job) {
	const before = 2
	m := placePattern.FindStringSubmatch(refused.Error())
	if m == nil || m[1] != conf {
		return
	}
	last, err := strconv.Atoi(m[2])
	text, readErr := readLimited(conf, 2*maxTemplateBytes)
	lines := strings.Split(string(text), "\n")
	if err != nil || readErr != nil || last < 1 || last > len(lines) {
		return
	}
	for n := max(1, last-before); n <= last; n++ {
		job.printf("%6d | %s", n, strings.TrimRight(lines[n-1], "\r"))
	}
}

func (d nginxDriver) start(ctx context.Context, in Instance, job *Job) error {
	as, err := d.accounts.of(in)
	if err != nil {
		return err
	}
	if err := as.mayListen(in); err != nil {
		return err
	}
	if err := d.prepare(ctx, in, as, job); err != nil {
		return err
	}
	if taken := portTaken(in.Port); taken != "" {
		return errors.New(taken)
	}
	if err := errors.Join(d.test(ctx, in, as, job), removeStaleProbe(in)); err != nil {
		return err
	}
	log := filepath.Join(in.Prefix, nginxErrorLog)
	offset := fileSize(log)
	if err := d.nginx(ctx, in, as, job); err != nil {
		return fmt.Errorf("start nginx: %w", err)
	}
	var master process
	err = waitFor(ctx, nginxStartLimit, func() (bool, error) {
		table := readProcessTable()
		for _, p := range d.masters(table, in) {
			pid, err := readPID(in.PIDFile)
			if err == nil && pid == p.pid && (in.Port == 0 || holdsPort(p, in.Port)) {
				master = p
				return len(table.children(p.pid, isServing)) > 0, nil
			}
		}
		return false, nil
	})
	if err != nil {
		d.printLog(as, log, offset, job)
		return fmt.Errorf("nginx was started, but no process with the pid file %s listens on port %d within %s", in.PIDFile, in.Port, nginxStartLimit)
	}
	job.printf("%s runs as process %d%s on port %d", in.Name, master.pid, as.words(), in.Port)
	return nil
}

// end signals every master and waits until all are gone.
func (d nginxDriver) end(ctx context.Context, in Instance, masters []process, job *Job, sig syscall.Signal) error {
	as, _ := d.accounts.of(in) // to stop it, it need not be known
	name, limit := "TERM", nginxStopLimit
	if sig == syscall.SIGQUIT {
		name, limit = "QUIT", nginxQuitLimit
	}
	for _, p := range masters {
		if err := d.control.signal(ctx, in, as, p, sig); err != nil && !errors.Is(err, errGone) {
			return err
		}
		job.printf("sent %s to process %d", name, p.pid)
	}
	err := waitFor(ctx, limit, func() (bool, error) {
		for _, p := range masters {
			if p.alive() {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("process %s still runs %s after %s", pidList(masters), limit, name)
	}
	job.printf("%s is stopped", in.Name)
	return nil
}

// stillServes is a configuration that was not taken. Who puts the file back, too,
// says so in other words.
type stillServes struct{ why error }

func (e *stillServes) Error() string {
	return e.why.Error() + "; the old configuration goes on serving"
}

func (e *stillServes) Unwrap() error { return e.why }

// whyNot leaves out what serves.
func whyNot(err error) error {
	if still := (*stillServes)(nil); errors.As(err, &still) {
		return still.why
	}
	return err
}

// reload is proven: HUP alone says nothing, since nginx keeps the old workers
// and its exit status when the new configuration cannot be used.
func (d nginxDriver) reload(ctx context.Context, in Instance, master process, job *Job) error {
	as, err := d.runsAs(in, []process{master})
	if err == nil {
		err = d.test(ctx, in, as, job)
	}
	if err != nil {
		return &stillServes{err}
	}
	return d.load(ctx, in, master, job)
}

// loadTested reloads an instance whose configuration has just been tested under
// another name.
func (d nginxDriver) loadTested(ctx context.Context, in Instance, job *Job) error {
	masters := d.masters(readProcessTable(), in)
	if len(masters) == 0 {
		return errors.New(in.Name + " does not run")
	}
	return d.load(ctx, in, masters[0], job)
}

func (d nginxDriver) load(ctx context.Context, in Instance, master process, job *Job) error {
	as, err := d.runsAs(in, []process{master})
	if err != nil {
		return err
	}
	if next, _ := d.accounts.of(in); as != next {
		job.printf("note: %s runs as root until it is restarted, and then as %s", in.Name, next.name)
	}
	// Of any title: a worker gets its own only a moment after the fork.
	old := readProcessTable().children(master.pid, anyTitle)
	log := filepath.Join(in.Prefix, nginxErrorLog)
	offset := fileSize(log)
	if err := d.control.signal(ctx, in, as, master, syscall.SIGHUP); err != nil {
		return err
	}
	job.printf("sent HUP to process %d", master.pid)
	conf, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil {
		return err
	}
	generation, probed := as.findProbe(conf)
	var workers, leaving []process
	err = waitFor(ctx, nginxReloadLimit, func() (bool, error) {
		if !master.alive() {
			return false, errors.New("the master process is gone")
		}
		if line := emergency(as, log, offset); line != "" {
			return false, errors.New(line)
		}
		workers, leaving = d.split(master, old)
		return len(workers) > 0 && (!probed || generation.answers(ctx)), nil
	})
	if err != nil {
		d.printLog(as, log, offset, job)
		switch {
		case errors.Is(err, errTimeout) && len(workers) > 0:
			err = fmt.Errorf("there are new workers, and %s does not answer with %s within %s", generation.socket, generation.generation, nginxReloadLimit)
		case errors.Is(err, errTimeout):
			err = fmt.Errorf("no new workers within %s", nginxReloadLimit)
		}
		return &stillServes{fmt.Errorf("the reload did not take: %w", err)}
	}
	job.printf("reloaded: workers %s serve now", pidList(workers))
	if probed {
		job.printf("generation %s answered %d new connections in a row", generation.generation, probeTries)
	}
	if len(leaving) > 0 {
		job.printf("still finishing their requests: %s", pidList(leaving))
	}
	return nil
}

func isServing(title string) bool {
	return strings.HasPrefix(title, nginxWorker) && !isLeaving(title)
}

func isLeaving(title string) bool { return strings.HasPrefix(title, nginxLeaving) }

func anyTitle(string) bool { return true }

// split gives the workers that serve once every old child of the master is gone
// or leaving, none before; and those that are leaving.
func (d nginxDriver) split(master process, old []process) (serving, leaving []process) {
	for _, p := range readProcessTable().children(master.pid, anyTitle) {
		switch {
		case isLeaving(p.title):
			leaving = append(leaving, p)
		case isNamed(old, p.pid):
			return nil, nil
		case isServing(p.title):
			serving = append(serving, p)
		}
	}
	return serving, leaving
}

// emergency finds the line with which a master says that it keeps the old
// configuration. That a port is busy it only says after five attempts.
func emergency(as account, log string, offset int64) string {
	for _, line := range as.linesSince(log, offset, 5000) {
		if strings.Contains(line, "[emerg]") && !strings.Contains(line, " bind() to ") {
			return line
		}
	}
	return ""
}

func (d nginxDriver) printLog(as account, log string, offset int64, job *Job) {
	lines := as.linesSince(log, offset, 5000) // nginx's debug lines are left out below
	shown := lines[:0]
	for _, line := range lines {
		if !strings.Contains(line, "[debug]") {
			shown = append(shown, line)
		}
	}
	for _, line := range shown[max(0, len(shown)-10):] {
		job.printf("%s: %s", nginxErrorLog, line)
	}
}
