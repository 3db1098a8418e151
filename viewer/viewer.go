// Package viewer is the HTTP side of Tagtail: the API, the live tails and the pages.
//
//	request → security headers → origin check → route → access → Logs | Deployer | Sink → JSON, WebSocket or asset
//
// Invariants: every endpoint is a row of the table in routes.go and a path of
// openapi.json; who may see and do what is decided in access.go and nowhere
// else, and denied by default; what a person may see is an index.Query that is
// ANDed to every query; a slow browser slows down nobody but itself. The
// package neither parses search texts nor touches a process. Start reading at
// Config, then routes.go.
package viewer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/viewer/openid"
)

// minTokenLength is the shortest API token that is accepted: sixteen random
// characters cannot be guessed over a network.
const minTokenLength = 16

// Logs is where entries are found and followed. All of its methods may be
// called from several goroutines.
type Logs interface {
	// Search and Count answer at once; the caller owns the result.
	Search(ctx context.Context, req index.SearchRequest) (index.SearchResult, error)
	Count(ctx context.Context, req index.CountRequest) (uint64, error)
	// Histogram, Facets, Shapes and Context are like them. Context returns
	// index.ErrNoEntry if there is no such entry.
	Histogram(ctx context.Context, req index.HistogramRequest) (index.Histogram, error)
	Facets(ctx context.Context, req index.FacetsRequest) (index.Facets, error)
	Shapes(ctx context.Context, req index.ShapesRequest) (index.Shapes, error)
	Context(ctx context.Context, req index.ContextRequest) (index.ContextResult, error)
	// Export calls yield, from one goroutine, with every match, oldest first,
	// and returns its error. The viewer does not keep the slice; it may block in
	// yield for as long as a client takes to read.
	Export(ctx context.Context, req index.ExportRequest, yield func([]index.Entry) error) error
	// Follow blocks. It calls yield for every batch, from one goroutine, until
	// ctx ends or yield returns an error, which it returns. The viewer does
	// not keep the batch's slice; it may block in yield for as long as a
	// browser takes to read.
	Follow(ctx context.Context, req index.FollowRequest, yield func(index.FollowBatch) error) error
	// Instances lists what is known of each instance with entries.
	Instances() []index.InstanceStats
	// Trouble is why nothing new is kept, if that is so.
	Trouble() index.Trouble
	// LastSeq is the Seq of the newest entry, 0 if there never was one.
	LastSeq() uint64
}

// Deployer controls the instances.
type Deployer interface {
	// Status lists every known instance as it is now.
	Status(ctx context.Context) []deploy.Status
	// Do starts an action in the name of by, and does not wait for its end.
	// It returns deploy.ErrUnknownInstance or a *deploy.RefusedError if the
	// action cannot start.
	Do(instance string, action deploy.Action, by string) (*deploy.Job, error)
	// Order begins a deploy, a rollback or a configuration likewise; behind a
	// job that runs it waits.
	Order(o deploy.Order) (*deploy.Job, error)
	// Job finds a job by its ID.
	Job(id string) (*deploy.Job, bool)
}

// Sink takes the entries that are sent by HTTP. Its methods may be called from
// several goroutines.
type Sink interface {
	// Admits tells whether entries may be given to the instance, service/owner.
	Admits(instance string) bool
	// Ingest says whose the entries are and stores them: after an error none
	// of them. It sets Seq of those that are stored; the others are over the
	// limit of their instance. from is the sender's address; instance is whose
	// the sender's token says that they are, "" if their content has to say.
	// It may not keep the slice; the strings may be kept.
	Ingest(from netip.Addr, instance string, entries []index.Entry) error
}

// RuleStatus is what one rule writes or forwards, and what it has counted.
type RuleStatus struct {
	// Rule is its file and line, Kind file, udp, tcp or relp, Target the file
	// or the address.
	Rule, Kind, Target string
	// Done, Dropped and Waiting count messages: those that are through, those
	// that the rule has lost, and those on their way.
	Done, Dropped uint64
	Waiting       int
}

// InputStatus is one listener and what it has counted.
type InputStatus struct {
	// Input is the listener's URL, such as "udp://127.0.0.1:5514".
	Input string `json:"input"`
	// Received, Dropped, KernelDropped and Suppressed count messages since
	// the start: read, thrown away by us, thrown away by the kernel before we
	// could read them, and read but over their instance's rate limit.
	Received      uint64 `json:"received"`
	Dropped       uint64 `json:"dropped"`
	KernelDropped uint64 `json:"kernel_dropped"`
	Suppressed    uint64 `json:"suppressed"`
	// Detail is a sentence about what is not as it should be, else empty.
	Detail string `json:"detail"`
}

// Config is what a Server needs.
type Config struct {
	// Addr is the TCP address to listen on, "127.0.0.1:8514"; port 0 picks a
	// free one.
	Addr string
	// URL is where people reach the page, for links to it; empty means at Addr.
	URL  string
	Logs Logs
	// Deployer is nil if there is nothing to control.
	Deployer Deployer
	// Releases is nil if there is nothing to deploy.
	Releases Releases
	// Sink is nil if nothing is taken by HTTP.
	Sink Sink
	// IngestRate is how many lines a second each token may send by HTTP from
	// each address for long; 0 is 10,000. IngestBurst is how many it may send
	// at once after a silence; 0 is twice the rate.
	IngestRate, IngestBurst int
	// Upkeep is nil if the store cannot be verified and rebuilt here.
	Upkeep Upkeep
	// Importer is nil if nothing can be imported here.
	Importer Importer
	// Audit takes what becomes of accounts; nil means nobody does. It may be
	// called from several goroutines.
	Audit func(AccountEvent)
	// Stats are what the store counts; nil means nothing.
	Stats func() index.Stats
	// Purger is nil if nothing can be purged here.
	Purger Purger
	// Backup is nil if there is nothing to back up.
	Backup Backup
	// Views is nil if no views can be saved.
	Views Views
	// Git is nil if there are no repositories to push to.
	Git Git
	// Deploys lists the releases of all instances, in any order, for search
	// texts and charts; the viewer does not keep the slice. nil means none.
	Deploys func() []DeployMark
	// LibraryDocs are the documents of the shared library; nil if there is none.
	LibraryDocs fs.FS
	// Help are Tagtail's own documents; nil if there are none.
	Help Documents
	// Static holds the page: index.html is served at /, login.html at /login,
	// and every file also under /static/. It is read once, by Listen.
	Static fs.FS
	// Inputs lists the listeners; nil means none.
	Inputs func() []InputStatus
	// Redactions is how often each rule has taken something out of entries, by
	// its name; nil means that there are none.
	Redactions func() map[string]uint64
	// Rules lists what the rules write and forward, for the metrics; nil means
	// none.
	Rules func() []RuleStatus
	// AdminToken is an API token with all rights; empty means that there is
	// none and that login links are the only way in.
	AdminToken string
	// TLS has the page's certificate; nil means plain HTTP.
	TLS *tls.Config
	// Proxies are the networks of the proxies whose X-Forwarded-For and
	// X-Forwarded-Proto are believed.
	Proxies []netip.Prefix
	// OIDC is where people may log in, beside passwords and links; nil is
	// nowhere. Its answer leads back to URL.
	OIDC *openid.Config
	// ProxyLogin is that Proxies say who asks; nil if they do not.
	ProxyLogin *ProxyLogin
	// TeamReads lets everybody with an account read everything.
	TeamReads bool
	// DataDir is the folder, which must exist, of accounts.db: the
	// accounts, the sessions and the tokens.
	DataDir string
	// Version is shown on the page and in metrics.
	Version string
	// Logger gets what an administrator should know; nil discards it.
	Logger *slog.Logger
	// Location is the zone of times without an offset in search texts, where
	// a client names none, and the one that the page calls the server's; nil
	// means UTC. time.Local has no name to be called by: load it by its own.
	Location *time.Location
}

// Validate says what is wrong with the configuration, in one sentence.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("http address %q is not HOST:PORT: give one such as 127.0.0.1:8514", c.Addr)
	}
	if c.Logs == nil || c.Static == nil {
		return errors.New("the viewer needs Logs and Static")
	}
	if c.DataDir == "" {
		return errors.New("the viewer needs a DataDir to keep its sessions in")
	}
	if c.IngestRate < 0 || c.IngestBurst < 0 {
		return fmt.Errorf("the rate of %d lines a second with a burst of %d is not possible: give positive numbers, or 0 for the default", c.IngestRate, c.IngestBurst)
	}
	if c.OIDC != nil {
		if err := c.OIDC.Validate(); err != nil {
			return err
		}
	}
	if c.ProxyLogin != nil {
		if err := c.ProxyLogin.Validate(c.Proxies); err != nil {
			return err
		}
	}
	if c.AdminToken == "" {
		return nil
	}
	if len(c.AdminToken) < minTokenLength {
		return fmt.Errorf("the admin token has %d characters: use at least %d, chosen at random", len(c.AdminToken), minTokenLength)
	}
	for _, b := range []byte(c.AdminToken) {
		if b <= ' ' || b > '~' {
			return errors.New("the admin token may hold only printable ASCII characters without spaces: an HTTP header cannot carry others")
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.IngestRate == 0 {
		c.IngestRate = defaultIngestRate
	}
	if c.IngestBurst == 0 {
		c.IngestBurst = 2 * c.IngestRate
	}
	if c.Redactions == nil {
		c.Redactions = func() map[string]uint64 { return nil }
	}
	if c.Stats == nil {
		c.Stats = func() index.Stats { return index.Stats{} }
	}
	if c.Rules == nil {
		c.Rules = func() []RuleStatus { return nil }
	}
	if c.Inputs == nil {
		c.Inputs = func() []InputStatus { return nil }
	}
	return c
}
