package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long each step of Redis may take.
const (
	redisStartLimit = 5 * time.Second
	redisStopLimit  = 10 * time.Second
	redisReplyLimit = 2 * time.Second
)

// redisDriver drives one redis-server per port. There is no reload: Redis reads
// its file at the start only.
type redisDriver struct {
	program  string // as configured, may be empty
	source   source
	accounts *accounts
	control  supervisor
}

func (d redisDriver) find() (string, bool) {
	if d.program != "" {
		return findProgram(d.program)
	}
	return findProgram("redis-server", "valkey-server")
}

func (d redisDriver) observe(table processTable, in Instance) observation {
	seen := observation{state: Stopped}
	if _, ok := d.find(); !ok {
		seen.noStart = "redis-server is not installed on the server: apt install redis-server"
	}
	if in.Port == 0 || in.Conf == "" {
		seen.state, seen.detail = Unknown, "its PORT is not known; see what tagtail check says about redis.sub.py"
		seen.noStart = seen.detail
		return seen
	}
	as := d.accounts.ownerOf(in, &seen)
	pid, err := readPID(in.PIDFile)
	seen.processes = d.servers(table, in, pid)
	if len(seen.processes) == 0 {
		seen.state, seen.detail = withoutProcess(pid, err, in)
		return seen
	}
	seen.state = Running
	seen.noSignal = d.control.maySignal(in, as, seen.processes[0])
	if !isNamed(seen.processes, pid) {
		seen.detail = fmt.Sprintf("the pid file %s does not name the running process %d", in.PIDFile, seen.processes[0].pid)
	}
	return seen
}

// servers gives the process that the pid file names, if its title has our port
// and it is a Redis; without a useful pid file, the one that listens on the port
// with such a title.
func (d redisDriver) servers(table processTable, in Instance, pid int) []process {
	as, _ := d.accounts.of(in) // observe tells of the error
	found := table.find(
		func(title string) bool { return redisTitle(title, in.Port) },
		func(p process) bool {
			if as.foreign() && p.uid != int(as.uid) && p.uid != 0 {
				return false
			}
			switch p.program() {
			// Debian's redis-server is a link to redis-check-rdb.
			case "redis-server", "redis-check-rdb", "valkey-server", "valkey-check-rdb":
				return true
			case "", ".":
				return p.uid != os.Geteuid()
			}
			return false
		})
	for _, p := range found {
		if p.pid == pid {
			return []process{p}
		}
	}
	for _, p := range found {
		if holdsPort(p, in.Port) {
			return []process{p}
		}
	}
	return nil
}

// redisTitle matches "redis-server 127.0.0.1:6381", as Redis names itself.
func redisTitle(title string, port int) bool {
	words := strings.Fields(title)
	if len(words) < 2 {
		return false
	}
	switch filepath.Base(words[0]) {
	case "redis-server", "valkey-server":
		return strings.HasSuffix(words[1], ":"+strconv.Itoa(port))
	}
	return false
}

func (d redisDriver) act(ctx context.Context, in Instance, action Action, job *Job) error {
	pid, _ := readPID(in.PIDFile) // a useless one is looked past
	servers := d.servers(readProcessTable(), in, pid)
	switch {
	case action == Test:
		if err := d.test(in, job); err != nil {
			return err
		}
		job.printf("%s and all that it includes can be read; whether Redis likes every line shows at the start", in.Conf)
		return nil
	case action == Start && len(servers) > 0:
		return fmt.Errorf("%s runs already, as process %d", in.Name, servers[0].pid)
	case action == Stop && len(servers) == 0:
		return errors.New(in.Name + " does not run")
	case action == Restart && len(servers) > 0:
		if err := d.test(in, job); err != nil {
			return err
		}
	}
	if len(servers) > 0 {
		if err := d.stop(ctx, in, servers[0], job); err != nil || action == Stop {
			return err
		}
	}
	return d.start(ctx, in, job)
}

// test reads the configuration as far as we know it: redis-server itself has no
// way to be asked.
func (d redisDriver) test(in Instance, job *Job) error {
	as, err := d.accounts.of(in)
	if err == nil {
		err = as.claim(in)
	}
	if err == nil {
		err = d.source.ensureConf(in, as, job)
	}
	if err != nil {
		return err
	}
	if err := ensureIncludes(in, job.printf); err != nil {
		return err
	}
	_, err = d.conf(in)
	return err
}

func (d redisDriver) conf(in Instance) (redisConf, error) {
	conf, err := readRedisConf(in.Conf, 0)
	if err != nil {
		return conf, err
	}
	if conf.last("daemonize") != "yes" {
		return conf, fmt.Errorf("%s has no line \"daemonize yes\": Tagtail starts Redis in the background", in.Conf)
	}
	if port := conf.last("port"); port != strconv.Itoa(in.Port) {
		return conf, fmt.Errorf("%s says port %q, and %s is to have %d", in.Conf, port, in.Name, in.Port)
	}
	return conf, nil
}

func (d redisDriver) start(ctx context.Context, in Instance, job *Job) error {
	program, ok := d.find()
	if !ok {
		return errors.New("the redis-server program is gone from the server")
	}
	as, err := d.accounts.of(in)
	if err == nil {
		err = as.mayListen(in)
	}
	if err == nil {
		err = makeDirs(filepath.Dir(in.Conf))
	}
	if err != nil {
		return err
	}
	if err := d.test(in, job); err != nil {
		return err
	}
	conf, err := d.conf(in)
	if err != nil {
		return err
	}
	if taken := portTaken(in.Port); taken != "" {
		return errors.New(taken)
	}
	dir, log, err := d.giveFolders(in, as, conf)
	if err != nil {
		return err
	}
	offset := fileSize(log)
	// It opens a relative log file once before it goes to its directory.
	out, err := d.control.run(ctx, in, as, task{startTask, dir, redisStartLimit, []string{program, in.Conf}}, job)
	if out != "" {
		job.printf("%s", out)
	}
	if err == nil {
		gaveUp := func() string { return redisReason(as.linesSince(log, offset, 10)) }
		err = d.answers(ctx, in, conf, gaveUp, job)
	}
	if err != nil {
		for _, line := range as.linesSince(log, offset, 10) {
			job.printf("%s: %s", filepath.Base(log), line)
		}
		return fmt.Errorf("start redis-server: %w", err)
	}
	return nil
}

// giveFolders makes the folders of the data, the log and the pid file. That of
// all Redis is shared; another below our root is the account's own. It gives the
// data's and the log's path.
func (d redisDriver) giveFolders(in Instance, as account, conf redisConf) (dir, log string, err error) {
	shared := filepath.Join(in.Prefix, "var")
	dir = conf.last("dir")
	if dir == "" || !filepath.IsAbs(dir) {
		dir = shared
	}
	inDir := func(name string) string {
		if name == "" || filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	log = inDir(conf.last("logfile"))
	if !as.foreign() {
		return dir, log, makeDirs(shared, filepath.Dir(in.PIDFile), dir)
	}
	if conf, err := os.Lstat(in.Conf); err == nil && conf.Mode().IsRegular() {
		err = errors.Join(as.chgrp(in.Conf), os.Chmod(in.Conf, 0o640))
		if err != nil {
			return dir, log, fmt.Errorf("let %s read its configuration: %w", as.name, err)
		}
	}
	for _, folder := range unique(filepath.Clean(dir), filepath.Dir(in.PIDFile), filepath.Dir(log)) {
		switch {
		case folder == shared:
			err = as.share(folder)
		case strings.HasPrefix(folder, in.Prefix+"/"):
			err = as.handOver(folder)
		}
		if err != nil {
			return dir, log, err
		}
	}
	files := []string{in.PIDFile}
	for _, name := range []string{log, conf.last("dbfilename"), conf.last("appendfilename")} {
		if name != "" {
			files = append(files, inDir(name))
		}
	}
	return dir, log, errors.Join(as.own(files...), as.mayEnter(dir))
}

// redisReason joins the warnings with which Redis gives up; empty if it has not.
func redisReason(lines []string) string {
	var reasons []string
	gaveUp := false
	for _, line := range lines {
		// "PID:ROLE TIME # text": the mark is that of a warning.
		if _, text, ok := strings.Cut(line, " # "); ok {
			if strings.Contains(text, "abort") || strings.Contains(text, "Fatal") || strings.Contains(text, "exiting") {
				gaveUp = true
			}
			if gaveUp || strings.Contains(text, "Could not") {
				reasons = append(reasons, strings.TrimSpace(text))
			}
		}
	}
	if !gaveUp {
		return ""
	}
	return strings.Join(reasons, "; ")
}

// answers waits until the server on the port answers and is proven to be ours:
// redis-server's exit status is 0 also if the port was taken. gaveUp tells what
// the server's log says about that.
func (d redisDriver) answers(ctx context.Context, in Instance, conf redisConf, gaveUp func() string, job *Job) error {
	var last error
	err := waitFor(ctx, redisStartLimit, func() (bool, error) {
		server, err := d.ask(in, conf)
		if last = err; err != nil {
			if why := gaveUp(); why != "" {
				return false, errors.New(why)
			}
			return false, nil
		}
		if !sameFile(server.conf, in.Conf) {
			return false, fmt.Errorf("the server on port %d is another one, with the configuration %q", in.Port, server.conf)
		}
		if pid, err := readPID(in.PIDFile); err != nil || pid != server.pid {
			return false, nil
		}
		as, _ := d.accounts.of(in)
		job.printf("%s runs as process %d%s on port %d", in.Name, server.pid, as.words(), in.Port)
		return true, nil
	})
	if errors.Is(err, errTimeout) {
		err = fmt.Errorf("no answer on port %d within %s", in.Port, redisStartLimit)
		if last != nil {
			err = fmt.Errorf("%w (%w)", err, last)
		}
	}
	return err
}

func sameFile(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}

// ask opens a connection and asks who answers.
func (d redisDriver) ask(in Instance, conf redisConf) (redisServer, error) {
	c, err := dialRedis(redisAddress(in, conf), conf.last("requirepass"), redisReplyLimit)
	if err != nil {
		return redisServer{}, err
	}
	defer c.Close()
	if _, err := c.do("PING"); err != nil {
		return redisServer{}, err
	}
	return c.server()
}

// redisAddress is where the server can be reached from here: loopback, unless
// it is bound to other addresses only.
func redisAddress(in Instance, conf redisConf) string {
	host := "127.0.0.1"
	for i, bind := range strings.Fields(conf.last("bind")) {
		bind = strings.TrimPrefix(bind, "-")
		if bind == "127.0.0.1" || bind == "*" || bind == "0.0.0.0" {
			host = "127.0.0.1"
			break
		}
		if i == 0 {
			host = bind
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(in.Port))
}

// stop asks the server to save and end, and sends TERM to one that does not.
// KILL would lose data and is never sent.
func (d redisDriver) stop(ctx context.Context, in Instance, p process, job *Job) error {
	as, _ := d.accounts.of(in) // to stop it, it need not be known
	if why := d.control.maySignal(in, as, p); why != "" {
		return errors.New(why)
	}
	if err := d.shutdown(in, p); err != nil {
		job.printf("SHUTDOWN: %s", err)
	} else {
		job.printf("sent SHUTDOWN to process %d", p.pid)
		if d.gone(ctx, in, p) == nil {
			job.printf("%s is stopped", in.Name)
			return nil
		}
	}
	if err := d.control.signal(ctx, in, as, p, syscall.SIGTERM); err != nil && !errors.Is(err, errGone) {
		return err
	}
	job.printf("sent TERM to process %d", p.pid)
	if err := d.gone(ctx, in, p); err != nil {
		return fmt.Errorf("process %d still runs %s after TERM; its log says why (mostly it cannot save its data)", p.pid, redisStopLimit)
	}
	job.printf("%s is stopped", in.Name)
	return nil
}

func (d redisDriver) gone(ctx context.Context, in Instance, p process) error {
	return waitFor(ctx, redisStopLimit, func() (bool, error) {
		return !p.alive() && len(listenInodes(in.Port)) == 0, nil
	})
}

// shutdown sends SHUTDOWN, to the proven process and no other.
func (d redisDriver) shutdown(in Instance, p process) error {
	conf, err := readRedisConf(in.Conf, 0)
	if err != nil {
		return err
	}
	c, err := dialRedis(redisAddress(in, conf), conf.last("requirepass"), redisStopLimit)
	if err != nil {
		return err
	}
	defer c.Close()
	server, err := c.server()
	if err != nil {
		return err
	}
	if server.pid != p.pid {
		return fmt.Errorf("process %d answers on port %d, not %d", server.pid, in.Port, p.pid)
	}
	// The good answer is none: the server closes the connection.
	_, err = c.do("SHUTDOWN")
	if refused := replyError(""); errors.As(err, &refused) {
		return refused
	}
	return nil
}
