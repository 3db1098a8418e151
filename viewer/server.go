package viewer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/sync/semaphore"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/openid"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// The limits of one connection. A client that keeps none of them is cut off
// before it costs more than a connection.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second // header and body
	writeTimeout      = 2 * time.Minute  // of one answer; WebSockets have their own
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10 // holds a query of maxQueryBytes with every byte escaped
	maxBodyBytes      = 64 << 10

	// shutdownTimeout is how long open requests may take to finish.
	shutdownTimeout = 5 * time.Second
)

// Server answers HTTP. Its methods may be called from any goroutine.
type Server struct {
	// immutable after Listen
	cfg          Config
	log          *slog.Logger
	listener     net.Listener
	http         *http.Server
	db           *bolt.DB // of these three
	accounts     *accounts.Store
	sessions     *sessions
	tokens       *tokens.Store
	controls     controls
	upkeep       upkeepJobs
	assets       assets
	metrics      *metrics
	sockets      sockets
	links        loginLinks
	provider     *openid.Provider // nil without Config.OIDC
	attempts     *attempts        // to log in there
	failures     failures
	guessing     guessing
	pushing      pushing
	rates        rates
	throttle     *throttle           // of lines that are ingested
	failuresTold *throttle           // of log-ins, to the audit
	bodies       *semaphore.Weighted // bytes of what is being ingested
	exports      chan struct{}       // has one for each that runs
	backups      chan struct{}       // has one while one is made
	gzips        sync.Pool           // of *gzip.Writer
	// writeBuffers are shared by the WebSockets: a quiet one holds none.
	writeBuffers sync.Pool
	hub          *hub

	serving atomic.Bool
	close   sync.Once
}

// Listen binds the address and opens the sessions; nothing is answered before
// Run. The caller must Close the Server.
func Listen(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, log: cfg.Logger, controls: deployerControls{cfg.Deployer}}
	s.hub = newHub(cfg.Logs)
	s.guessing = guessing{clients: &s.failures, names: failures{free: freeNameFailures}, room: make(chan struct{}, maxGuesses)}
	s.upkeep.wake = make(chan struct{}, 1)
	s.sockets.stopping = make(chan struct{})
	s.throttle = newThrottle(cfg.IngestRate, cfg.IngestBurst)
	s.failuresTold = newThrottle(1, 20)
	s.exports = make(chan struct{}, maxExports)
	s.backups = make(chan struct{}, 1)
	s.bodies = semaphore.NewWeighted(maxBodiesBytes)

	var err error
	if s.attempts, err = newAttempts(); err != nil {
		return nil, err
	}
	if s.assets, err = loadAssets(cfg.Static); err != nil {
		return nil, err
	}
	if s.listener, err = listen(cfg.Addr); err != nil {
		return nil, err
	}
	if cfg.TLS != nil {
		s.listener = tls.NewListener(s.listener, cfg.TLS)
	}
	if err = s.openAccounts(filepath.Join(cfg.DataDir, "accounts.db")); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	if cfg.OIDC != nil {
		s.provider = openid.New(*cfg.OIDC)
	}
	s.metrics = newMetrics(cfg, &s.sockets, func(ctx context.Context) []deploy.Status { return s.controls.Status(ctx) })
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on http address %s: another program already uses this port: stop it, or choose another address", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on http address %s: %w", addr, err)
	}
	return newLimitListener(l.(*net.TCPListener), maxConns), nil
}

// handler wires the middleware and the routes. Middleware runs outermost first.
func (s *Server) handler() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = s.writeProblem
	e.Use(s.measure, s.behindProxies, secureHeaders, s.recoverPanics, refuseCrossOrigin(), s.limitBody)
	for _, r := range s.routes() {
		e.Add(r.method, r.path, s.guard(r))
		if r.head {
			e.Add(http.MethodHead, r.path, s.guard(r))
		}
	}
	return e
}

// Addr is the address that is listened on, with the real port.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run answers requests until ctx ends, then tells the WebSockets, lets open
// requests finish for a bounded time, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { s.rates.run(ctx, s.cfg.Logs) })
	wg.Go(func() { s.upkeep.run(ctx) })

	served := make(chan error, 1)
	wg.Go(func() { served <- s.http.Serve(s.listener) })
	s.serving.Store(true)

	var err error
	select {
	case <-ctx.Done():
		err = s.shutDown()
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	case err = <-served:
		s.sockets.stop()
	}
	s.serving.Store(false)
	cancel()
	s.sockets.wait()
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *Server) shutDown() error {
	s.serving.Store(false)
	s.sockets.stop()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.log.Warn("requests cut off at shutdown")
	return s.http.Close()
}

// Close frees the port and the files. It ends Run, but not gracefully.
func (s *Server) Close() error {
	var err error
	s.close.Do(func() {
		s.sockets.stop()
		err = s.http.Close()
		if e := s.listener.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
		if s.provider != nil {
			s.provider.Close()
		}
		err = errors.Join(err, s.db.Close())
	})
	return err
}

// LoginLink returns a link that logs one person in as admin, once, within a
// day. The token is in the fragment, which browsers do not send: no log of
// any server has it.
func (s *Server) LoginLink() (string, error) { return s.loginLink(accounts.Reserved) }

func (s *Server) loginLink(person string) (string, error) {
	token, err := s.links.add(person, time.Now())
	if err != nil {
		return "", err
	}
	return s.Public() + "/login#" + token, nil
}

// Page is the page's address on this machine, without a slash at its end.
func (s *Server) Page() string {
	if s.cfg.TLS != nil {
		return "https://" + s.publicHost()
	}
	return "http://" + s.publicHost()
}

// Public is the page's address as people reach it, without a slash at its end.
func (s *Server) Public() string {
	if s.cfg.URL == "" {
		return s.Page()
	}
	return strings.TrimSuffix(s.cfg.URL, "/")
}

// publicHost is the address as somebody else would type it: a wildcard
// address becomes the name of this machine.
func (s *Server) publicHost() string {
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsUnspecified() {
		return s.Addr().String()
	}
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return net.JoinHostPort(name, fmt.Sprint(addr.Port))
}

// parse reads a search text for p: what it says, and how it was read. The
// query has p's restriction in it.
func (s *Server) parse(p principal, text searchText, now time.Time) (index.Query, []index.Term) {
	q := index.ParseQuery(text.text, index.ParseOptions{Now: now, Location: text.zone, Deploys: s.deploys()})
	terms := q.Terms()
	if terms == nil {
		terms = []index.Term{}
	}
	return p.scope().restrict(q), terms
}
