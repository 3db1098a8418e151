package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/viewer"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/openid"
)

// oidcConfig is a provider of OpenID Connect where people log in.
type oidcConfig struct {
	// Issuer is the provider's address.
	Issuer string `yaml:"issuer"`
	// ClientID is what it knows Tagtail by.
	ClientID string `yaml:"client_id"`
	// ClientSecret is the secret it knows Tagtail by.
	ClientSecret string `yaml:"client_secret"`
	// ClientSecretFile is the file that has the secret instead.
	ClientSecretFile string `yaml:"client_secret_file"`
	// Scopes are what is asked for. Default: `openid` and `profile`.
	Scopes []string `yaml:"scopes"`
	// NameClaim is the claim that names an account that is made. Default:
	// `preferred_username`.
	NameClaim string `yaml:"name_claim"`
	// RoleClaim is the claim that has the values of `roles`.
	RoleClaim string `yaml:"role_claim"`
	// Roles are the roles by its values: `admin`, `developer` or `viewer`.
	Roles map[string]string `yaml:"roles"`
	// DefaultRole is the role of whom `roles` does not name. Default: none, they
	// are kept out.
	DefaultRole string `yaml:"default_role"`
	// Label is what is on the button.
	Label string `yaml:"label"`
}

// proxyLoginConfig is that the proxies in front of the page say who asks.
type proxyLoginConfig struct {
	// Header is the one that has the name. Default: `Remote-User`.
	Header string `yaml:"header"`
	// DefaultRole is the role of whom no account is linked. Default: none, they
	// are kept out.
	DefaultRole string `yaml:"default_role"`
}

// proxyLogin is what the page needs of it, nil if proxies do not say who asks.
func (c *config) proxyLogin() (*viewer.ProxyLogin, error) {
	if c.ProxyLogin == nil {
		return nil, nil //nolint:nilnil // as the comment says
	}
	proxies, err := c.proxies()
	if err != nil {
		return nil, err
	}
	l := &viewer.ProxyLogin{Header: cmp.Or(c.ProxyLogin.Header, "Remote-User"), Role: accounts.Role(c.ProxyLogin.DefaultRole)}
	return l, l.Validate(proxies)
}

// oidc is what the page needs of it, nil if people do not log in so.
func (c *config) oidc() (*openid.Config, error) {
	o := c.OIDC
	if o == nil {
		return nil, nil //nolint:nilnil // as the comment says
	}
	p := &openid.Config{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Scopes: o.Scopes, NameClaim: o.NameClaim,
		RoleClaim: o.RoleClaim, Roles: accounts.RoleMap{Default: accounts.Role(o.DefaultRole)}, Label: o.Label,
	}
	for value, role := range o.Roles {
		if p.Roles.Values == nil {
			p.Roles.Values = make(map[string]accounts.Role)
		}
		p.Roles.Values[value] = accounts.Role(role)
	}
	if o.ClientSecretFile != "" {
		if o.ClientSecret != "" {
			return nil, errors.New("oidc has a client_secret and a client_secret_file: keep one of them")
		}
		text, err := os.ReadFile(o.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("oidc client_secret_file cannot be read: %w", err)
		}
		if p.ClientSecret = strings.TrimSpace(string(text)); p.ClientSecret == "" {
			return nil, fmt.Errorf("oidc client_secret_file %s is empty: put the secret there", o.ClientSecretFile)
		}
	}
	return p, p.Validate()
}

// explainLogins says how people log in beside passwords and links, and whether the
// provider answers.
func (c *config) explainLogins(ctx context.Context, words io.Writer) error {
	proxy, err := c.proxyLogin()
	if err != nil {
		return err
	}
	if proxy != nil {
		fmt.Fprintf(words, "proxy_login: %s say in %s who asks; %s\n", strings.Join(c.Proxies, ", "), proxy.Header, describeOthers("has no account", proxy.Role))
	}
	provider, err := c.oidc()
	if err != nil || provider == nil {
		return err
	}
	page := "http://" + c.HTTP
	if c.HTTPCert != "" {
		page = "https://" + c.HTTP
	}
	fmt.Fprintf(words, "oidc: people log in at %s, which leads back to %s/login/oidc/callback\n", provider.Issuer, strings.TrimSuffix(cmp.Or(c.URL, page), "/"))
	for _, value := range slices.Sorted(maps.Keys(provider.Roles.Values)) {
		fmt.Fprintf(words, "oidc: %s %q is %s\n", provider.RoleClaim, value, provider.Roles.Values[value])
	}
	others := "has none of these"
	if provider.RoleClaim == "" {
		others = "has no account"
	}
	fmt.Fprintf(words, "oidc: %s\n", describeOthers(others, provider.Roles.Default))
	p := openid.New(*provider)
	defer p.Close()
	if err := p.Reach(ctx); err != nil {
		return fmt.Errorf("oidc has the issuer %s, which does not answer as one, so that nobody can log in there until it does; passwords and links go on working: %w", provider.Issuer, err)
	}
	return nil
}

// describeOthers says what becomes of those of whom this is true.
func describeOthers(which string, role accounts.Role) string {
	if role == "" {
		return "who " + which + " stays out"
	}
	return fmt.Sprintf("who %s becomes %s", which, role)
}
