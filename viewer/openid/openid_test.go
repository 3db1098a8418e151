package openid

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/viewer/accounts"
)

func goodConfig() Config {
	return Config{
		Issuer: "https://id.example.org/realms/team", ClientID: "tagtail", RoleClaim: "realm_access.roles",
		Roles: accounts.RoleMap{Values: map[string]accounts.Role{"ops": accounts.Admin, "dev": accounts.Developer}},
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	if err := goodConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		`oidc has the issuer ""`:                                 func(c *Config) { c.Issuer = "" },
		`oidc has the issuer "https://a@id.example.org"`:         func(c *Config) { c.Issuer = "https://a@id.example.org" },
		`the issuer "http://id.example.org" without https`:       func(c *Config) { c.Issuer = "http://id.example.org" },
		`the issuer "ftp://localhost" without https`:             func(c *Config) { c.Issuer = "ftp://localhost" },
		"oidc has an issuer of 307 bytes":                        func(c *Config) { c.Issuer = "https://" + strings.Repeat("a", 299) },
		"oidc has no client_id":                                  func(c *Config) { c.ClientID = "" },
		"without openid: add it":                                 func(c *Config) { c.Scopes = []string{"profile"} },
		"oidc has roles without a role_claim":                    func(c *Config) { c.RoleClaim = "" },
		"oidc has a role_claim without roles":                    func(c *Config) { c.Roles.Values = nil },
		"neither a role_claim nor a default_role":                func(c *Config) { c.RoleClaim, c.Roles.Values = "", nil },
		`oidc gives "x" the role "root", which is none of admin`: func(c *Config) { c.Roles.Values = map[string]accounts.Role{"x": "root"} },
		`oidc has the default_role "root", which is none of adm`: func(c *Config) { c.Roles.Default = "root" },
		"use at most 60 bytes in one line":                       func(c *Config) { c.Label = "a\nb" },
	} {
		cfg := goodConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q in it", err, want)
		}
	}
	for _, issuer := range []string{"http://127.0.0.1:9000", "http://[::1]:9000/x", "http://localhost"} {
		cfg := goodConfig()
		cfg.Issuer = issuer
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestClaimsSayWhoSomebodyIs(t *testing.T) {
	p := New(goodConfig())
	defer p.Close()
	login := accounts.Login{Provider: "https://id.example.org/realms/team", Subject: "17"}
	type object = map[string]any
	for name, tt := range map[string]struct {
		claims object
		want   accounts.Claim
		err    error
	}{
		"several roles":      {object{"preferred_username": "dev1", "realm_access": object{"roles": []any{"x", "dev", "ops", 7}}}, accounts.Claim{Login: login, Name: "dev1", Role: accounts.Admin}, nil},
		"one role":           {object{"preferred_username": "dev1", "realm_access": object{"roles": "dev"}}, accounts.Claim{Login: login, Name: "dev1", Role: accounts.Developer}, nil},
		"a name with dots":   {object{"preferred_username": "dev1", "realm_access.roles": "dev"}, accounts.Claim{Login: login, Name: "dev1", Role: accounts.Developer}, nil},
		"no name":            {object{"preferred_username": 7, "realm_access": object{"roles": "dev"}}, accounts.Claim{Login: login, Role: accounts.Developer}, nil},
		"an unmapped role":   {object{"preferred_username": "dev1", "realm_access": object{"roles": "other"}}, accounts.Claim{}, ErrRole},
		"no role":            {object{"preferred_username": "dev1"}, accounts.Claim{}, ErrRole},
		"roles of no object": {object{"preferred_username": "dev1", "realm_access": "dev"}, accounts.Claim{}, ErrRole},
	} {
		got, err := p.claim("17", tt.claims)
		if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v (-want +got):\n%s", name, err, tt.err, diff)
		}
	}
}

func TestAnUnverifiedAddressSaysNothing(t *testing.T) {
	cfg := goodConfig()
	cfg.RoleClaim, cfg.NameClaim = "email", "email"
	cfg.Roles.Values = map[string]accounts.Role{"boss@example.org": accounts.Admin}
	p := New(cfg)
	defer p.Close()
	for _, verified := range []any{nil, false, "true", 1.0} {
		if got, err := p.claim("17", map[string]any{"email": "boss@example.org", "email_verified": verified}); !errors.Is(err, ErrRole) {
			t.Errorf("verified %v: %+v, %v, want %v", verified, got, err, ErrRole)
		}
	}
	if got, err := p.claim("17", map[string]any{"email": "boss@example.org", "email_verified": true}); err != nil || got.Role != accounts.Admin || got.Name != "boss@example.org" {
		t.Errorf("verified: %+v, %v", got, err)
	}
}
