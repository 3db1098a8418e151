package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
)

// config is everything that serve can be told. Each field with a flag can be
// given as --flag, as TAGTAIL_FLAG or in the file, in this order of strength.
//
// The first paragraph of a field's comment is its line of the reference in
// docs/configuration.md, of here and of the types of fields.
type config struct {
	// Data is the folder of everything that is kept.
	Data string `yaml:"data"`
	// HTTP is the address of the page, HOST:PORT.
	HTTP string `yaml:"http"`
	// URL is where people reach the page, for the links that are printed:
	// `https://logs.example.org/`. Default: that of `http`.
	URL string `yaml:"url"`
	// HTTPCert is the file of the page's certificate, PEM; read again when it
	// changes. Without it the page speaks plain HTTP.
	HTTPCert string `yaml:"http_cert"`
	// HTTPKey is the file of its key. Default: in `http_cert`.
	HTTPKey string `yaml:"http_key"`
	// Proxies are addresses and networks of proxies in front of the page, whose
	// `X-Forwarded-For` and `X-Forwarded-Proto` are believed: `[127.0.0.1]`.
	Proxies []string `yaml:"proxies"`
	// HTTPRate is how many lines a second each token may send by HTTP from each
	// address. Default: 10,000.
	HTTPRate int `yaml:"http_rate"`
	// HTTPBurst is how many lines it may send at once after a silence. Default:
	// twice `http_rate`.
	HTTPBurst int `yaml:"http_burst"`
	// Keep is the age at which entries are let go of: `12h`, `14d`, `8w`; `0`
	// keeps them for ever.
	Keep string `yaml:"keep"`
	// KeepBytes is the size of all that is kept: `500MB`, `10GB`, `64GiB`; over
	// it the largest instance loses its oldest. Default: no limit.
	KeepBytes string `yaml:"keep_bytes"`
	// KeepInstanceBytes is the size of what is kept of each instance. Default:
	// no limit.
	KeepInstanceBytes string `yaml:"keep_instance_bytes"`
	// Retention is what is kept of some instances; the first rule that fits
	// counts.
	Retention []retentionConfig `yaml:"retention"`
	// Sync is when what is received is synced to the disk: `interval`, `batch` or
	// `none`.
	Sync string `yaml:"sync"`
	// Syslog are the listeners, as URLs. Default: UDP and TCP on
	// `127.0.0.1:5514`, and `log.sock` in the data folder.
	Syslog []string `yaml:"syslog"`
	// Serverctrl is the folder with `nginx.*.sub.py`, `redis.sub.py` and their
	// templates, from which the instances are read.
	Serverctrl string `yaml:"serverctrl"`
	// Root is where the instances of nginx are: ROOT/SERVICE/OWNER.
	Root string `yaml:"root"`
	// RedisRoot is where Redis has etc/PORT.conf and var/.
	RedisRoot string `yaml:"redis_root"`
	// RunAs is the OS user of the instances if Tagtail is root ([Deploying by git
	// push](deploy.md)). Default: the developer's own, where there is one.
	RunAs string `yaml:"run_as"`
	// Supervisor is who starts nginx and Redis: `direct`, Tagtail itself, or
	// `systemd` ([Deploying by git push](deploy.md)). Default: `direct`.
	Supervisor string `yaml:"supervisor"`
	// Repositories is the folder of the bare repositories to push to: NAME.git.
	Repositories string `yaml:"repositories"`
	// Deploys is how deploys are proven, by service.
	Deploys map[string]proofConfig `yaml:"deploys"`
	// People are those who push over a path, as OS users of their own.
	People []personConfig `yaml:"people"`
	// DeveloperValues are the values that developers may set on their branch of
	// `serverctrl`; `[]`: none. Default: `[LUA_CODE_CACHE, WORKER_PROCESSES]`.
	//
	// nil means the default.
	DeveloperValues []string `yaml:"developer_values"`
	// LogPrefix is what goes before `git-server` and `git-serverctrl` in the log,
	// such as `hhl-`.
	LogPrefix string `yaml:"log_prefix"`
	// AdminToken is an API token with all rights, 16 characters or more. Default:
	// one in the data folder, in `token`.
	//
	// It has no flag: a process list would show it.
	AdminToken string `yaml:"admin_token"`
	// OIDC is a provider of OpenID Connect where people log in, beside passwords
	// and links ([Accounts and security](security.md)).
	OIDC *oidcConfig `yaml:"oidc"`
	// ProxyLogin is how `proxies` say who asks, if they do ([Accounts and
	// security](security.md)).
	ProxyLogin *proxyLoginConfig `yaml:"proxy_login"`
	// TeamReads is `true` if everybody with an account reads everything;
	// otherwise see [Accounts and security](security.md).
	TeamReads bool `yaml:"team_reads"`
	// Instances are instances beside those of `serverctrl`.
	Instances []instanceConfig `yaml:"instances"`

	// Files are log files to follow, beside the listeners.
	Files []fileConfig `yaml:"files"`

	// Evidence is what proves messages to be an instance's ([Whose message is
	// it](identity.md)).
	Evidence []evidenceConfig `yaml:"evidence"`
	// RateLimit is how many entries each instance may send. Default: off.
	RateLimit rateConfig `yaml:"rate_limit"`
	// File is the configuration's own, "" without one.
	File string `yaml:"-"`
	// Rules are files in rsyslog's language, by patterns ([rsyslog's
	// rules](rules.md)); and names of instances for tags that no instance has.
	Rules rulesConfig `yaml:"rules"`

	// Redact is what is taken out of messages before they are kept.
	Redact []redactConfig `yaml:"redact"`

	// ownData tells that Data is somebody's choice and not the default.
	ownData bool
}

// instanceConfig is one instance of the configuration file.
type instanceConfig struct {
	// Name is `service/owner`, such as `mysql/shared`.
	Name string `yaml:"name"`
	// Kind is `shared` (its messages only), `nginx`, `redis` or `command`.
	// Default: `shared`.
	Kind string `yaml:"kind"`
	// Tags are the programs' names in its messages. Default: `service_owner` and
	// `service-owner`.
	Tags []string `yaml:"tags"`
	// Prefix is its directory, absolute; of all kinds but `shared`.
	Prefix string `yaml:"prefix"`
	// Conf is its configuration file, below the prefix if relative. Default:
	// `conf/nginx.conf`.
	Conf string `yaml:"conf"`
	// PIDFile is the file of its process's number, below the prefix if relative.
	// Default: `run/nginx.pid`.
	PIDFile string `yaml:"pid_file"`
	// Port is the TCP port it listens on.
	Port int `yaml:"port"`
	// Command is program and arguments, of kind `command`: a foreground program
	// that Tagtail starts.
	Command []string `yaml:"command"`
	// RunAs is its OS user. Default: that of all.
	RunAs string `yaml:"run_as"`
}

// proofConfig is how the deploys of one service are proven.
type proofConfig struct {
	// Health is the path of a page that has to answer with a status below 400
	// after each deploy, such as `/health`.
	Health string `yaml:"health"`
	// AutoRollback is `true` if the release before is made live again when a
	// deploy fails.
	AutoRollback bool `yaml:"auto_rollback"`
}

func (c *config) proofs() map[string]deploy.Proof {
	proofs := map[string]deploy.Proof{}
	for service, p := range c.Deploys {
		proofs[service] = deploy.Proof{Health: p.Health, AutoRollback: p.AutoRollback}
	}
	return proofs
}

// personConfig is somebody who pushes over a path.
type personConfig struct {
	// Name is the person's branch.
	Name string `yaml:"name"`
	// UID is the number of their OS user.
	UID uint32 `yaml:"uid"`
	// Admin is `true` if they may push every branch and every repository.
	Admin bool `yaml:"admin"`
}

// fileConfig is a pattern of log files of the configuration file.
type fileConfig struct {
	// Path is where they are, with `*` and `?`; `{service}` and `{owner}` in it
	// match any name and give the instance:
	// `/opt/hhl/{service}/{owner}/logs/*.log`.
	Path string `yaml:"path"`
	// Instance is `service/owner`, if the path does not say.
	Instance string `yaml:"instance"`
	// AppName is the program's name. Default: `service_owner`.
	AppName string `yaml:"app_name"`
	// Start is a regular expression for the first line of a message, if messages
	// have several lines and begin with no date.
	Start string `yaml:"start"`
}

// evidenceConfig is what proves messages to be of one instance.
type evidenceConfig struct {
	// Instance is `service/owner`.
	Instance string `yaml:"instance"`
	// UIDs are numbers of OS users of this machine.
	UIDs []int `yaml:"uids"`
	// Certs are names of TLS client certificates, or `sha256:` and the
	// fingerprint.
	Certs []string `yaml:"certs"`
	// Addresses are senders' addresses and networks.
	Addresses []string `yaml:"addresses"`
	// Tokens are secrets in the structured data.
	Tokens []string `yaml:"tokens"`
}

// ruleConfig gives tags to an instance.
type ruleConfig struct {
	// Pattern is a regular expression of tags.
	Pattern string `yaml:"pattern"`
	// Instance is `service/owner`, with `$1` for a group.
	Instance string `yaml:"instance"`
}

// rulesConfig is a pattern of files, or a list of patterns and of tags' rules.
type rulesConfig struct {
	// Files are patterns of files in rsyslog's language: docs/rules.md.
	Files []string
	// Tags name the instances of tags that no instance has: docs/identity.md.
	Tags []ruleConfig
}

// UnmarshalYAML reads a text, or a list of texts and mappings.
func (r *rulesConfig) UnmarshalYAML(read func(any) error) error {
	var one string
	if read(&one) == nil {
		r.Files = []string{one}
		return nil
	}
	var list []ruleItem
	if err := read(&list); err != nil {
		return err
	}
	for _, item := range list {
		if item.file != "" {
			r.Files = append(r.Files, item.file)
		} else {
			r.Tags = append(r.Tags, item.tag)
		}
	}
	return nil
}

// ruleItem is an entry of the list.
type ruleItem struct {
	file string
	tag  ruleConfig
}

// UnmarshalYAML reads either.
func (r *ruleItem) UnmarshalYAML(read func(any) error) error {
	if read(&r.file) == nil {
		return nil
	}
	return read(&r.tag)
}

// rateConfig bounds the entries of each instance; the zero value does not.
type rateConfig struct {
	// PerSecond is how many entries a second it may send on the average.
	PerSecond int `yaml:"per_second"`
	// Burst is how many at once after a silence.
	Burst int `yaml:"burst"`
}

func defaultConfig() config {
	return config{
		Data:      "tagtail-data",
		HTTP:      "127.0.0.1:8514",
		Keep:      "30d",
		Sync:      "interval",
		Root:      "/opt/hhl",
		RedisRoot: "/opt/redis",
	}
}

// developerValues are those that developers may set themselves.
func (c *config) developerValues() []string {
	if c.DeveloperValues == nil {
		return []string{"LUA_CODE_CACHE", "WORKER_PROCESSES"}
	}
	return c.DeveloperValues
}

// defaultSyslog lists the listeners of a configuration that names none.
func defaultSyslog(data string) []string {
	return []string{
		"udp://127.0.0.1:5514", "tcp://127.0.0.1:5514",
		"unixgram://" + filepath.Join(data, "log.sock"),
	}
}

// setData moves the data, and the listener below it if no other is chosen.
func (c *config) setData(folder string) {
	usual := slices.Equal(c.Syslog, defaultSyslog(c.Data))
	c.Data = folder
	if usual {
		c.Syslog = defaultSyslog(folder)
	}
}

// addFlags adds to flags the flags that set c.
func (c *config) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&c.Data, "data", c.Data, "`folder` of everything that is kept")
	flags.StringVar(&c.HTTP, "http", c.HTTP, "`address` of the page")
	flags.StringVar(&c.URL, "url", c.URL, "`address` by which people reach the page, for links to it, if that is another one")
	flags.IntVar(&c.HTTPRate, "http-rate", c.HTTPRate,
		"`lines` a second that each token may send by HTTP (default 10000)")
	flags.IntVar(&c.HTTPBurst, "http-burst", c.HTTPBurst,
		"`lines` that it may send at once after a silence (default twice the rate)")
	flags.StringVar(&c.Keep, "keep", c.Keep, "`age` at which entries are let go of, such as 14d or 12h; 0 keeps them for ever")
	flags.StringVar(&c.KeepBytes, "keep-bytes", c.KeepBytes,
		"`size` of all that is kept, such as 10GB: over it the largest instance loses its oldest (default no limit)")
	flags.StringVar(&c.KeepInstanceBytes, "keep-instance-bytes", c.KeepInstanceBytes,
		"`size` of what is kept of each instance, such as 500MB (default no limit)")
	flags.StringVar(&c.Sync, "sync", c.Sync,
		"`when` what is received is synced to the disk: twice a second (interval), before it counts as stored (batch),\n"+
			"or when the kernel likes (none)")
	flags.StringArrayVar(&c.Syslog, "syslog", c.Syslog,
		"listener `URL`: udp://HOST:PORT, tcp://HOST:PORT or unixgram:///PATH; may be repeated\n"+
			"(default udp and tcp on 127.0.0.1:5514, and log.sock in the data folder)")
	flags.StringArrayVar(&c.Rules.Files, "rules", c.Rules.Files,
		"`pattern` of files with rsyslog's rules, such as /etc/rsyslog.d/*.conf; may be repeated")
	flags.StringVar(&c.Serverctrl, "serverctrl", c.Serverctrl,
		"`folder` with nginx.*.sub.py, redis.sub.py and their templates")
	flags.StringVar(&c.Repositories, "repositories", c.Repositories,
		"`folder` of the bare repositories to push to: serverctrl.git, lib.git, SERVICE.git")
	flags.StringVar(&c.RunAs, "run-as", c.RunAs,
		"OS `user` of the instances if Tagtail is root: USER or USER:GROUP, in which {owner} stands for the developer\n"+
			"(default the developer's own, where there is one)")
	flags.StringVar(&c.Supervisor, "supervisor", c.Supervisor,
		"`who` starts nginx and Redis: Tagtail itself (direct), or systemd, by the units that tagtail units writes (systemd)")
	flags.StringVar(&c.Root, "root", c.Root, "`folder` of the instances: ROOT/SERVICE/OWNER")
	flags.StringVar(&c.RedisRoot, "redis-root", c.RedisRoot, "`folder` of the Redis instances")
}

// loadConfig joins defaults, the file, the environment and the flags given.
// The file is the one named by the flag --config or by TAGTAIL_CONFIG, or none.
func loadConfig(given *pflag.FlagSet, environ func(string) (string, bool)) (config, error) {
	c := defaultConfig()
	c.Data = ""
	path, _ := environ("TAGTAIL_CONFIG")
	if flag := given.Lookup("config"); flag != nil && flag.Changed {
		path = flag.Value.String()
	}
	if path != "" {
		if err := c.readFile(path); err != nil {
			return config{}, err
		}
		c.File = path
	}
	if token, ok := environ("TAGTAIL_ADMIN_TOKEN"); ok {
		c.AdminToken = token
	}

	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.addFlags(own)
	var problem error
	own.VisitAll(func(flag *pflag.Flag) {
		if from := given.Lookup(flag.Name); from != nil && from.Changed {
			problem = errors.Join(problem, copyFlag(flag, from))
			return
		}
		name := variableOf(flag.Name)
		if value, ok := environ(name); ok {
			problem = errors.Join(problem, setFlag(flag, name, value))
		}
	})
	if problem != nil {
		return config{}, problem
	}
	if c.ownData = c.Data != ""; !c.ownData {
		c.Data = defaultConfig().Data
	}
	var err error
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return config{}, fmt.Errorf("find data folder: %w", err)
	}
	if len(c.Syslog) == 0 {
		c.Syslog = defaultSyslog(c.Data)
	}
	if _, err := os.Stat(c.checkout()); err == nil && c.Serverctrl == "" && c.Repositories != "" {
		c.Serverctrl = c.checkout()
	}
	return c, c.validate()
}

// variableOf is the variable of a flag.
func variableOf(flag string) string {
	return "TAGTAIL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func copyFlag(to, from *pflag.Flag) error {
	if list, ok := from.Value.(pflag.SliceValue); ok {
		return to.Value.(pflag.SliceValue).Replace(list.GetSlice())
	}
	return to.Value.Set(from.Value.String())
}

func setFlag(flag *pflag.Flag, name, value string) error {
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.Replace(strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }))
	}
	if err := flag.Value.Set(value); err != nil {
		return fmt.Errorf("%s=%q: %w", name, value, err)
	}
	return nil
}

// readFile reads a YAML file over c. Paths in it are relative to its folder.
func (c *config) readFile(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	var file config
	if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
		return fmt.Errorf("configuration %s: %s%s", path, yaml.FormatError(err, false, false), meantKey(data, err))
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("find folder of the configuration: %w", err)
	}
	named := []*string{&file.HTTPCert, &file.HTTPKey}
	if file.OIDC != nil {
		named = append(named, &file.OIDC.ClientSecretFile)
	}
	for _, p := range named {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	for i := range file.Files {
		if p := &file.Files[i].Path; !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	for i := range file.Rules.Files {
		if p := &file.Rules.Files[i]; !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	for to, from := range map[*string]string{
		&c.Data: file.Data, &c.Serverctrl: file.Serverctrl, &c.Root: file.Root, &c.RedisRoot: file.RedisRoot,
		&c.Repositories: file.Repositories,
	} {
		if from == "" {
			continue
		}
		if !filepath.IsAbs(from) {
			from = filepath.Join(folder, from)
		}
		*to = from
	}
	if file.HTTP != "" {
		c.HTTP = file.HTTP
	}
	if file.URL != "" {
		c.URL = file.URL
	}
	if file.Keep != "" {
		c.Keep = file.Keep
	}
	if file.RunAs != "" {
		c.RunAs = file.RunAs
	}
	if file.Supervisor != "" {
		c.Supervisor = file.Supervisor
	}
	if file.Sync != "" {
		c.Sync = file.Sync
	}
	c.KeepBytes, c.KeepInstanceBytes = file.KeepBytes, file.KeepInstanceBytes
	c.HTTPRate, c.HTTPBurst = file.HTTPRate, file.HTTPBurst
	c.People, c.Deploys, c.LogPrefix = file.People, file.Deploys, file.LogPrefix
	c.DeveloperValues = file.DeveloperValues
	c.HTTPCert, c.HTTPKey, c.Proxies, c.OIDC, c.ProxyLogin = file.HTTPCert, file.HTTPKey, file.Proxies, file.OIDC, file.ProxyLogin
	c.Syslog, c.AdminToken, c.TeamReads = file.Syslog, file.AdminToken, file.TeamReads
	c.Instances, c.Files = file.Instances, file.Files
	c.Evidence, c.Rules, c.RateLimit = file.Evidence, file.Rules, file.RateLimit
	c.Redact, c.Retention = file.Redact, file.Retention
	return nil
}

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{0,16}$`)

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n <= 65535
}

// proxies are the networks of Proxies; an address is a network of one.
func (c *config) proxies() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range c.Proxies {
		if addr, err := netip.ParseAddr(text); err == nil {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			return nil, fmt.Errorf("proxies has %q, which is neither an address nor a network: write 192.0.2.7 or 192.0.2.0/24", text)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// validate says what is wrong with c beyond what the packages check of their
// own part.
func (c *config) validate() error {
	if _, port, err := net.SplitHostPort(c.HTTP); err != nil || !isPort(port) {
		return fmt.Errorf("http address %q is not HOST:PORT, such as 127.0.0.1:8514", c.HTTP)
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		return fmt.Errorf("url %q is not the address of a page, such as https://logs.example.org/", c.URL)
	}
	if c.HTTPKey != "" && c.HTTPCert == "" {
		return errors.New("http_key is given without http_cert: name the certificate too")
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if _, err := c.oidc(); err != nil {
		return err
	}
	if _, err := c.proxyLogin(); err != nil {
		return err
	}
	if c.HTTPRate < 0 || c.HTTPBurst < 0 {
		return fmt.Errorf("http_rate %d with http_burst %d is not possible: give positive numbers, or 0 for the default", c.HTTPRate, c.HTTPBurst)
	}
	if _, err := c.retention(); err != nil {
		return err
	}
	if _, err := c.redaction(); err != nil {
		return err
	}
	if _, err := index.ParseSyncMode(c.Sync); err != nil {
		return err
	}
	if c.Serverctrl != "" {
		if info, err := os.Stat(c.Serverctrl); err != nil || !info.IsDir() {
			return fmt.Errorf("serverctrl %q is not a folder: name the one with the nginx.*.sub.py files", c.Serverctrl)
		}
	}
	if err := errors.Join(deploy.CheckSupervision(deploy.Supervision(c.Supervisor)), deploy.CheckRunAs(c.RunAs)); err != nil {
		return err
	}
	if !prefixPattern.MatchString(c.LogPrefix) {
		return fmt.Errorf("log_prefix %q is not possible: it may have at most 16 letters, digits, - and _", c.LogPrefix)
	}
	if n := len(c.AdminToken); n > 0 && n < 16 {
		return fmt.Errorf("the admin token (admin_token or TAGTAIL_ADMIN_TOKEN) has %d characters: a token needs at least 16", n)
	}
	return nil
}
