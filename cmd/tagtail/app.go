package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/push"
	"github.com/tagtail/tagtail/docs"
	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest"
	"github.com/tagtail/tagtail/ingest/redact"
	"github.com/tagtail/tagtail/ingest/rules"
	"github.com/tagtail/tagtail/static"
	"github.com/tagtail/tagtail/viewer"
	"github.com/tagtail/tagtail/viewer/views"
)

// app is everything that serve runs, wired together.
type app struct {
	cfg    config
	logger *slog.Logger

	store      *index.Store
	receiver   *ingest.Receiver
	imports    *ingest.Importer
	rules      *rules.Engine // nil without any
	controller *deploy.Controller
	gate       *push.Gate // nil without repositories
	server     *viewer.Server
	marks      deployMarks
	redact     *redact.Set // nil without rules

	listeners []string          // the inputs' URLs with their real ports
	instances []deploy.Instance // when it was opened
	more      []deploy.Instance // those that openApp was asked to add
	page      string            // its URL on this machine
	link      string
	found     bool // clientFile is ours
}

// openApp acquires everything that serve needs, the lock of the data folder
// first, and starts nothing. more, which may be nil, adds instances that have
// to know the listeners.
func openApp(cfg config, logger *slog.Logger, more func(listeners []string) []deploy.Instance) (*app, error) {
	if err := cfg.prepareRepositories(context.Background()); err != nil {
		return nil, err
	}
	instances, problems, err := cfg.instances()
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		logger.Warn("serverctrl file has a problem", "err", p)
	}
	if err := cfg.checkReadable(os.Getuid()); err != nil && hasNginx(instances) {
		logger.Warn("services may not answer", "err", err)
	}
	users, odd := deploy.Config{Instances: instances, RunAs: cfg.RunAs, Supervision: deploy.Supervision(cfg.Supervisor)}.CheckUsers()
	for _, err := range append(users, odd) {
		if err != nil {
			logger.Warn("instances have no user of their own", "err", err)
		}
	}
	a := &app{cfg: cfg, logger: logger, instances: instances}
	if err := a.open(more); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *app) open(more func([]string) []deploy.Instance) error {
	logs, err := a.cfg.indexConfig(a.logger)
	if err != nil {
		return err
	}
	if a.store, err = index.Open(logs); err != nil {
		return err
	}
	if a.redact, err = a.cfg.redaction(); err != nil {
		return err
	}
	a.auditResumedPurge()
	script, err := a.readRules()
	if err != nil {
		return err
	}
	inputs := a.cfg.ingestConfig(a.instances)
	inputs.Redact = a.redact
	inputs.Logger = a.logger
	inputs.ProcessInstance = func(pid int) (string, bool) { return a.controller.InstanceOf(pid) }
	if a.receiver, err = ingest.Listen(inputs, recaller{a.store}); err != nil {
		return err
	}
	if a.imports, err = a.receiver.Importer(inputs, a.store); err != nil {
		return err
	}
	for i, listener := range a.cfg.Syslog {
		a.listeners = append(a.listeners, withAddress(listener, a.receiver.Addrs()[i].String()))
	}
	if err := a.openRules(script); err != nil {
		return err
	}
	if more != nil {
		a.more = more(a.listeners)
		a.instances = append(a.instances, a.more...)
		if err := a.receiver.SetInstances(a.cfg.senders(a.instances)); err != nil {
			return err
		}
	}
	a.controller, err = deploy.NewController(deploy.Config{
		Instances: a.instances, Serverctrl: a.cfg.Serverctrl, Logger: a.logger, Audit: a.audit,
		Render:       deploy.RenderOptions{Syslog: nginxSyslog(a.listeners)},
		Repositories: a.cfg.repositoriesDir(), Layout: a.cfg.layout(), Deploys: a.cfg.proofs(), JobsDir: filepath.Join(a.cfg.Data, "jobs"),
		RunAs: a.cfg.RunAs, Supervision: deploy.Supervision(a.cfg.Supervisor), DeveloperValues: a.cfg.developerValues(),
	})
	if err != nil {
		return err
	}
	a.marks.releases = a.controller.Releases
	return a.openPage()
}

// openPage binds the page and leaves what local commands need to find it.
func (a *app) openPage() error {
	var err error
	token := a.cfg.AdminToken
	if token == "" {
		if token, err = localToken(a.cfg.Data); err != nil {
			return err
		}
	}
	saved, err := views.Open(filepath.Join(a.cfg.Data, "views.json"), a.logger)
	if err != nil {
		return err
	}
	fresh := newFreshController(a)
	if err := a.openGate(fresh); err != nil {
		return err
	}
	proxies, err := a.cfg.proxies()
	if err != nil {
		return err
	}
	secure, err := a.cfg.httpTLS(a.logger)
	if err != nil {
		return err
	}
	oidc, err := a.cfg.oidc()
	if err != nil {
		return err
	}
	proxyLogin, err := a.cfg.proxyLogin()
	if err != nil {
		return err
	}
	a.server, err = viewer.Listen(viewer.Config{
		Addr: a.cfg.HTTP, URL: a.cfg.URL, Logs: a.store, Deployer: fresh, Git: a.git(), Deploys: a.deploys,
		LibraryDocs: a.cfg.libraryDocs(), Help: new(docs.Book), Sink: a.receiver, Views: saved, Static: static.Files(),
		Upkeep: a.store, Stats: a.store.Stats, Audit: a.auditAccount, Purger: purger{a}, Importer: pageImporter{a, a.imports}, Backup: a.backup,
		IngestRate: a.cfg.HTTPRate, IngestBurst: a.cfg.HTTPBurst,
		TLS: secure, Proxies: proxies, OIDC: oidc, ProxyLogin: proxyLogin,
		Inputs: a.inputs, Rules: a.ruleStats, Redactions: a.redact.Counts, AdminToken: token, TeamReads: a.cfg.TeamReads, DataDir: a.cfg.Data, Version: version,
		Logger: a.logger, Location: localZone(), Releases: fresh,
	})
	if err != nil {
		return err
	}
	if a.link, err = a.server.LoginLink(); err != nil {
		return err
	}
	a.page = a.server.Page()
	if err := (endpoint{Server: a.page, Syslog: a.listeners, Cert: a.cfg.HTTPCert}).write(a.cfg.Data); err != nil {
		return err
	}
	a.found = true
	return nil
}

// deploys are the releases of all instances, for searches and charts.
func (a *app) deploys() []viewer.DeployMark { return a.marks.all(a.controller.Instances()) }

// git is the gate as the page sees it.
func (a *app) git() viewer.Git {
	if a.gate == nil {
		return nil
	}
	return a.gate
}

// reloadInstances reads the instances again for all who know them. If that is
// not possible, nothing changes.
func (a *app) reloadInstances() error {
	instances, problems, err := a.cfg.instances()
	if err != nil {
		return err
	}
	for _, p := range problems {
		a.logger.Warn("serverctrl file has a problem", "err", p)
	}
	instances = append(instances, a.more...)
	if err := a.receiver.SetInstances(a.cfg.senders(instances)); err != nil {
		return err
	}
	return a.controller.SetInstances(instances)
}

// withAddress is the URL of a listener with the port that it really has.
func withAddress(listener, address string) string {
	u, err := url.Parse(listener)
	if err != nil || u.Host == "" {
		return listener
	}
	u.Host = address
	return u.String()
}

// nginxSyslog is the listener to which nginx is told to log, in its own
// notation: a UDP one, else a socket. nginx speaks no other syslog.
func nginxSyslog(listeners []string) string {
	socket := ""
	for _, listener := range listeners {
		u, err := url.Parse(listener)
		switch {
		case err != nil:
		case u.Scheme == "udp":
			return u.Host
		case u.Scheme == "unixgram" && socket == "":
			if path, err := filepath.Abs(u.Path); err == nil {
				socket = "unix:" + path
			}
		}
	}
	return socket
}

// greet says where everything is.
func (a *app) greet(words io.Writer) {
	fmt.Fprintf(words, "Tagtail %s\n", version)
	if isJournal(words) { // which more people read than may do everything
		fmt.Fprintf(words, "  page    %s\n          (tagtail login --data %s makes a link that logs you in, once)\n", a.page, a.cfg.Data)
	} else {
		fmt.Fprintf(words, "  page    %s\n          (this link logs you in, once)\n", a.link)
	}
	for _, listener := range a.listeners {
		fmt.Fprintf(words, "  syslog  %s\n", listener)
	}
	fmt.Fprintf(words, "  data    %s\n", a.cfg.Data)
	if usual, err := filepath.Abs(defaultConfig().Data); err != nil || usual != a.cfg.Data {
		fmt.Fprintf(words, "  try     tagtail tail --data %s\n", a.cfg.Data)
	}
	if len(a.instances) > 0 {
		fmt.Fprintf(words, "  knows   %d instances\n", len(a.instances))
	}
}

// isJournal tells whether systemd takes what is written there into its journal.
func isJournal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return false
	}
	return os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// run serves until ctx ends or something breaks, and closes everything. What
// writes to the store ends before it.
func (a *app) run(ctx context.Context) error {
	storeCtx, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStore()
	storeDone := make(chan error, 1)
	go func() { storeDone <- a.store.Run(storeCtx) }()

	endRules := a.runRules(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.receiver.Run(ctx) })
	group.Go(func() error { return a.controller.Run(ctx) })
	if a.gate != nil {
		group.Go(func() error { return a.gate.Run(ctx) })
	}
	group.Go(func() error {
		waitFor(ctx, a.store.Warm(), warmTime)
		go a.notify(ctx)
		return a.server.Run(ctx)
	})
	group.Go(func() error { return newCollector(a.store.LastSeq, os.LookupEnv).run(ctx) })
	err := group.Wait()
	endRules()
	stopStore()
	return errors.Join(err, <-storeDone, a.Close())
}

// warmTime is how long the page waits at most for the store to be warm: after a
// power cut that can take minutes.
const warmTime = time.Second

// waitFor returns when ready is closed, the time is over or ctx ends.
func waitFor(ctx context.Context, ready <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ready:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Close frees what was opened, the store last.
func (a *app) Close() error {
	var err error
	if a.found {
		a.found = false
		err = os.Remove(filepath.Join(a.cfg.Data, clientFile))
	}
	if a.server != nil {
		err = errors.Join(err, a.server.Close())
	}
	if a.gate != nil {
		err = errors.Join(err, a.gate.Close())
	}
	if a.controller != nil {
		err = errors.Join(err, a.controller.Close())
	}
	if a.receiver != nil {
		err = errors.Join(err, a.receiver.Close())
	}
	if a.rules != nil {
		err = errors.Join(err, a.rules.Close())
	}
	if a.store != nil {
		err = errors.Join(err, a.store.Close())
	}
	return err
}

// inputs are the receiver's counters for the page.
func (a *app) inputs() []viewer.InputStatus {
	stats := a.receiver.Stats()
	out := make([]viewer.InputStatus, len(stats))
	for i, s := range stats {
		out[i] = viewer.InputStatus{
			Input: s.Input, Received: s.Received, Dropped: s.Dropped, KernelDropped: s.KernelDropped,
			Suppressed: s.Suppressed, Detail: s.Detail,
		}
	}
	return out
}
