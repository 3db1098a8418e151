// Package openid logs people in at a provider of OpenID Connect.
//
//	Begin → the provider's page → its callback → Finish: code → accounts.Claim
//
// Invariants: what an Attempt began, only that Attempt finishes; a token counts
// with a valid signature, for us, of now and with the nonce of the attempt; a
// provider that is down costs one log-in, and is asked again at the next. The
// package knows no cookie and no account. Start reading at Provider.
package openid

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/tagtail/tagtail/viewer/accounts"
)

// timeout bounds one question to the provider.
const timeout = 10 * time.Second

// MaxLabel bounds the words on the button.
const MaxLabel = 60

// What a log-in fails for; the errors wrap one of these.
var (
	ErrDown    = errors.New("the provider cannot be asked")
	ErrRefused = errors.New("the provider refuses the log-in")
	ErrToken   = errors.New("the provider's token is not valid")
	ErrRole    = errors.New("the provider names no role that counts")
)

// NoRole is an ErrRole, and of whom.
type NoRole struct{ Login accounts.Login }

func (e *NoRole) Error() string { return fmt.Sprintf("%v: subject %.40q", ErrRole, e.Login.Subject) }

// Unwrap is for errors.Is.
func (e *NoRole) Unwrap() error { return ErrRole }

// Config is what a Provider needs.
type Config struct {
	// Issuer is the provider's address, as its discovery document has it.
	Issuer string
	// ClientID and ClientSecret are what the provider knows us by; without a
	// secret, PKCE alone proves that the log-in is ours.
	ClientID, ClientSecret string
	// Scopes are what is asked for; nil is openid and profile.
	Scopes []string
	// NameClaim names an account that is made; empty is preferred_username.
	NameClaim string
	// RoleClaim has the values of Roles. It is a name, or a path with dots.
	// Without one, Roles.Default is for accounts that are made.
	RoleClaim string
	Roles     accounts.RoleMap
	// Label is on the button; empty leaves the words to the page.
	Label string
}

// Validate says what is wrong with the configuration, in one sentence.
func (c Config) Validate() error {
	if err := checkIssuer(c.Issuer); err != nil {
		return err
	}
	if err := c.Roles.Validate(); err != nil {
		return fmt.Errorf("oidc %w", err)
	}
	switch {
	case c.ClientID == "":
		return errors.New("oidc has no client_id: give the one by which the provider knows Tagtail")
	case len(c.Scopes) > 0 && !slices.Contains(c.Scopes, oidc.ScopeOpenID):
		return fmt.Errorf("oidc has the scopes %q without openid: add it", c.Scopes)
	case c.RoleClaim == "" && len(c.Roles.Values) > 0:
		return errors.New("oidc has roles without a role_claim: name the claim that has their values, such as groups")
	case c.RoleClaim != "" && len(c.Roles.Values) == 0:
		return errors.New("oidc has a role_claim without roles: say which value makes whom, as in roles: {ops: admin}")
	case c.RoleClaim == "" && c.Roles.Default == "":
		return errors.New("oidc has neither a role_claim nor a default_role, so that nobody could log in: give one of them, such as default_role: developer")
	case len(c.Label) > MaxLabel || strings.ContainsFunc(c.Label, func(r rune) bool { return r < ' ' }):
		return fmt.Errorf("oidc has the label %.80q: use at most %d bytes in one line", c.Label, MaxLabel)
	}
	return nil
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("oidc has the issuer %q: give the provider's address, such as https://id.example.org/realms/team", issuer)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	here := u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !here) {
		return fmt.Errorf("oidc has the issuer %q without https, so that anybody on the way could log in: use its https address", issuer)
	}
	if len(issuer) > accounts.MaxSubject {
		return fmt.Errorf("oidc has an issuer of %d bytes: at most %d are possible", len(issuer), accounts.MaxSubject)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if len(c.Scopes) == 0 {
		c.Scopes = []string{oidc.ScopeOpenID, "profile"}
	}
	if c.NameClaim == "" {
		c.NameClaim = "preferred_username"
	}
	return c
}

// Provider is where people log in. Its methods may be called from any goroutine.
type Provider struct {
	cfg    Config       // immutable
	client *http.Client // immutable

	asking singleflight.Group
	found  atomic.Pointer[discovered] // nil until the provider has answered
}

// discovered is what the provider says of itself.
type discovered struct {
	provider *oidc.Provider
	style    oauth2.AuthStyle
}

// New makes a Provider of a valid configuration, and asks nothing yet. The caller
// closes it.
func New(cfg Config) *Provider {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &Provider{cfg: cfg.withDefaults(), client: &http.Client{Transport: transport, Timeout: timeout}}
}

// Close closes the connections to the provider.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Issuer is the provider's name.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// Label is what the button says, "" if the page is to find words.
func (p *Provider) Label() string { return p.cfg.Label }

// Attempt is one log-in that has begun. Whoever has it finishes it, once.
type Attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
}

// Begin returns the address at the provider to log in at, which leads back to
// redirect.
func (p *Provider) Begin(ctx context.Context, redirect string) (a Attempt, address string, err error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Attempt{}, "", err
	}
	a = Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	client := p.oauth(d, redirect)
	return a, client.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Finish exchanges the code with which the provider has sent somebody back for
// who they are.
func (p *Provider) Finish(ctx context.Context, redirect string, a Attempt, code string) (accounts.Claim, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return accounts.Claim{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	client := p.oauth(d, redirect)
	token, err := client.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if answer := (*oauth2.RetrieveError)(nil); errors.As(err, &answer) && answer.Response.StatusCode < 500 {
		return accounts.Claim{}, fmt.Errorf("%w: %.200q", ErrRefused, answer.ErrorCode+" "+answer.ErrorDescription)
	}
	if err != nil {
		return accounts.Claim{}, fmt.Errorf("%w: exchange code: %w", ErrDown, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.provider.Verifier(&oidc.Config{ClientID: p.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return accounts.Claim{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if id.Nonce != a.Nonce {
		return accounts.Claim{}, fmt.Errorf("%w: its nonce is of another log-in", ErrToken)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return accounts.Claim{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return p.claim(id.Subject, claims)
}

// claim is what the claims of a token say of somebody. An e-mail address that the
// provider has not verified is what somebody has typed, and says nothing.
func (p *Provider) claim(subject string, claims map[string]any) (accounts.Claim, error) {
	if verified, _ := claims["email_verified"].(bool); !verified {
		delete(claims, "email")
	}
	login := accounts.Login{Provider: p.cfg.Issuer, Subject: subject}
	role := p.cfg.Roles.Role(values(find(claims, p.cfg.RoleClaim)))
	if role == "" {
		return accounts.Claim{}, &NoRole{login}
	}
	name, _ := find(claims, p.cfg.NameClaim).(string)
	return accounts.Claim{Login: login, Name: name, Role: role, KeepsRole: p.cfg.RoleClaim == ""}, nil
}

// find returns the claim of that name, or at that path.
func find(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	first, rest, _ := strings.Cut(name, ".")
	if inner, ok := claims[first].(map[string]any); ok {
		return find(inner, rest)
	}
	return nil
}

// values are the texts of a claim, which may be one or several.
func values(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var texts []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// Reach asks the provider for its discovery document, if that was not possible
// until now.
func (p *Provider) Reach(ctx context.Context) error {
	_, err := p.discover(ctx)
	return err
}

// discover asks once for all who wait; a failure is not remembered.
func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	if d := p.found.Load(); d != nil {
		return d, nil
	}
	answer := p.asking.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		d, err := p.ask(ctx)
		if err == nil {
			p.found.Store(d)
		}
		return d, err
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrDown, ctx.Err())
	case got := <-answer:
		if got.Err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDown, got.Err)
		}
		return got.Val.(*discovered), nil
	}
}

func (p *Provider) ask(ctx context.Context) (*discovered, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	var document struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, err
	}
	// To try both ways would show a code twice, which some providers punish.
	style := oauth2.AuthStyleInHeader // what a provider has that names none
	if p.cfg.ClientSecret == "" || slices.Contains(document.Methods, "client_secret_post") {
		style = oauth2.AuthStyleInParams
	}
	return &discovered{provider, style}, nil
}

func (p *Provider) oauth(d *discovered, redirect string) *oauth2.Config {
	endpoint := d.provider.Endpoint()
	endpoint.AuthStyle = d.style
	return &oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: endpoint, RedirectURL: redirect, Scopes: p.cfg.Scopes}
}
