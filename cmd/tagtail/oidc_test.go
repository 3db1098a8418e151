package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"
)

// From the configuration to a session: the provider is a real one, on this
// machine, and its secret is in a file.
func TestPeopleLogInAtTheProviderOfTheConfiguration(t *testing.T) {
	provider, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := provider.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "secret"), provider.ClientSecret+"\n")
	mustWrite(t, filepath.Join(dir, "tagtail.yaml"), fmt.Sprintf(
		"oidc:\n  issuer: %s\n  client_id: %s\n  client_secret_file: secret\n  scopes: [openid, profile, groups]\n  role_claim: groups\n  roles: {ops: admin, all: viewer}\n  label: Our team\n",
		provider.Issuer(), provider.ClientID))
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--config", filepath.Join(dir, "tagtail.yaml")}})
	t.Cleanup(server.kill)
	for groups, want := range map[string]string{"ops": `"role":"admin"`, "all": `"role":"viewer"`, "none": "trouble=oidc-role"} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar}
		provider.QueueUser(&mockoidc.MockUser{Subject: "s-" + groups, PreferredUsername: "of-" + groups, Groups: []string{groups}})
		get := func(path string) string {
			res, err := client.Get(at.Server + path)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			return res.Request.URL.String() + " " + string(body)
		}
		got := get("/login/oidc")
		if groups != "none" {
			got = get("/api/v1/me")
		}
		if !strings.Contains(got, want) {
			t.Errorf("who is of %s gets %.300s, want %s", groups, got, want)
		}
	}
	log, err := exec.Command("tagtail", "search", "--data", filepath.Join(dir, "tagtail-data"), "*").CombinedOutput()
	cmdline, e := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", server.process.Pid))
	if err != nil || e != nil || strings.Contains(string(log)+string(cmdline)+server.words.String(), provider.ClientSecret) {
		t.Errorf("the secret is told: %v %v", err, e)
	}
}

func TestWrongProvidersAreRefusedInASentence(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "empty"), "\n")
	for oidc, want := range map[string]string{
		"{issuer: 'http://id.example.org', client_id: x, default_role: viewer}":                                     "without https",
		"{issuer: 'https://id.example.org', default_role: viewer}":                                                  "oidc has no client_id",
		"{issuer: 'https://id.example.org', client_id: x}":                                                          "nobody could log in",
		"{issuer: 'https://id.example.org', client_id: x, default_role: king}":                                      `the default_role "king"`,
		"{issuer: 'https://id.example.org', client_id: x, default_role: viewer, client_secret_file: none}":          "client_secret_file cannot be read",
		"{issuer: 'https://id.example.org', client_id: x, default_role: viewer, client_secret_file: empty}":         "is empty: put the secret there",
		"{issuer: 'https://id.example.org', client_id: x, client_secret: a, client_secret_file: empty}":             "keep one of them",
		"{issuer: 'https://id.example.org', client_id: x, default_role: viewer, role_claim: groups}":                "role_claim without roles",
		"{issuer: 'https://id.example.org', client_id: x, default_role: viewer, roles: {a: admin}}":                 "roles without a role_claim",
		"{issuer: 'https://id.example.org', client_id: x, default_role: viewer, scopes: [profile]}":                 "without openid",
		"{issuer: 'https://id.example.org', client_id: x, role_claim: groups, roles: {ops: king}, secret: forgery}": "unknown field",
	} {
		mustWrite(t, filepath.Join(dir, "tagtail.yaml"), "oidc: "+oidc+"\n")
		cmd := exec.Command("tagtail", "check", "--config", "tagtail.yaml")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v %s, want %q", oidc, err, out, want)
		}
	}
}

func TestProxyLoginIsRefusedWithoutProxies(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "tagtail.yaml"), "proxy_login: {default_role: viewer}\n")
	for _, command := range []string{"check", "serve"} {
		cmd := exec.Command("tagtail", command, "--config", "tagtail.yaml", "--http", "127.0.0.1:0", "--syslog", "udp://127.0.0.1:0")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "none is listed: anybody could be anybody; give their addresses, as in proxies: [127.0.0.1]") {
			t.Errorf("%s: %v %s", command, err, out)
		}
	}
	mustWrite(t, filepath.Join(dir, "tagtail.yaml"), "proxies: [127.0.0.1]\nproxy_login: {default_role: viewer}\n")
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--config", filepath.Join(dir, "tagtail.yaml")}})
	t.Cleanup(server.kill)
	run := func(args ...string) string {
		cmd := exec.Command("tagtail", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		return string(out)
	}
	run("user", "add", "dev1")
	if out := run("user", "link", "dev1", "Dev.One"); out != "dev1 is Dev.One at the provider.\n" {
		t.Errorf("link says %q", out)
	}
	req, err := http.NewRequest("GET", at.Server+"/api/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Remote-User", "Dev.One")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || !strings.Contains(string(body), `"name":"dev1","role":"developer"`) {
		t.Errorf("who is linked is %s, %v", body, err)
	}
}

func TestCheckSaysHowPeopleLogInAndWhetherTheProviderAnswers(t *testing.T) {
	provider, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := provider.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	const secret = "the-secret-of-the-client"
	check := func(issuer string) string {
		mustWrite(t, filepath.Join(dir, "tagtail.yaml"), fmt.Sprintf("url: https://logs.example.org/logs/\nproxies: [127.0.0.1]\nproxy_login: {header: X-Forwarded-User}\n"+
			"oidc: {issuer: '%s', client_id: x, client_secret: %s, role_claim: groups, roles: {ops: admin, dev: developer}, default_role: viewer}\n", issuer, secret))
		cmd := exec.Command("tagtail", "check", "--config", "tagtail.yaml")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), secret) {
			t.Errorf("%v %s", err, out)
		}
		return string(out)
	}
	got := check(provider.Issuer())
	for _, want := range []string{
		"proxy_login: 127.0.0.1 say in X-Forwarded-User who asks; who has no account stays out\n",
		"oidc: people log in at " + provider.Issuer() + ", which leads back to https://logs.example.org/logs/login/oidc/callback\n",
		"oidc: groups \"dev\" is developer\noidc: groups \"ops\" is admin\noidc: who has none of these becomes viewer\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("check says %q, want %q in it", got, want)
		}
	}
	if strings.Contains(got, "does not answer") {
		t.Errorf("check says %q of a provider that answers", got)
	}
	for _, wrong := range []string{provider.Issuer() + "/other", "http://127.0.0.1:1"} {
		if got := check(wrong); !strings.Contains(got, "oidc has the issuer "+wrong+", which does not answer as one") {
			t.Errorf("check says %q of %s", got, wrong)
		}
	}
}
