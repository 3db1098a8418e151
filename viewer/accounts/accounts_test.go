package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

var someTime = time.Date(2026, 9, 1, 10, 42, 31, 0, time.UTC)

const password = "correct horse battery"

func openStore(t *testing.T) (s *Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "accounts.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if s, err = New(db); err != nil {
		t.Fatal(err)
	}
	return s, path
}

func must(t *testing.T) func(Person, error) Person {
	return func(p Person, err error) Person {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestAccountsAreKept(t *testing.T) {
	s, _ := openStore(t)
	must(t)(s.Add("dev2", Developer, someTime))
	must(t)(s.Add("dev1", Viewer, someTime))
	must(t)(s.SetRole("dev1", Developer))
	must(t)(s.Grant("dev1", Grant{Instance: "web/dev2"}))
	must(t)(s.Grant("dev1", Grant{Instance: "redis/dev2"}))
	must(t)(s.Grant("dev1", Grant{Instance: "web/dev2", Control: true}))
	must(t)(s.Grant("dev1", Grant{Instance: "chat/dev3"}))
	must(t)(s.Revoke("dev1", "chat/dev3"))
	must(t)(s.Revoke("dev1", "chat/dev3"))
	must(t)(s.Disable("dev2", true, someTime.Add(time.Hour)))
	again, err := New(s.db)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.List()
	want := []Person{
		{Name: "dev1", Role: Developer, Created: someTime, Grants: []Grant{{"redis/dev2", false}, {"web/dev2", true}}},
		{Name: "dev2", Role: Developer, Created: someTime, Grants: []Grant{}, Disabled: true, Since: someTime.Add(time.Hour)},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if p, found, err := again.Find("dev3"); err != nil || found {
		t.Errorf("found %+v, error %v", p, err)
	}
}

func TestPasswordLogsInOnlyWhoHasIt(t *testing.T) {
	s, path := openStore(t)
	must(t)(s.Add("dev1", Developer, someTime))
	must(t)(s.Add("dev2", Developer, someTime))
	must(t)(s.SetPassword("dev1", password, someTime.Add(time.Minute)))
	for name, c := range map[string]struct {
		name, password string
		ok             bool
	}{
		"theirs":             {"dev1", password, true},
		"another":            {"dev1", password + "!", false},
		"none":               {"dev1", "", false},
		"of somebody else":   {"dev2", password, false},
		"none where is none": {"dev2", "", false},
		"of nobody":          {"dev3", password, false},
		"of no name":         {"", password, false},
		"very long":          {"dev1", strings.Repeat("x", 1<<20), false},
	} {
		if p, ok, err := s.Check(c.name, c.password); err != nil || ok != c.ok || ok && (p.Name != c.name || !p.HasPassword) {
			t.Errorf("%s: %+v %t, error %v, want %t", name, p, ok, err, c.ok)
		}
	}
	if p := must(t)(s.Disable("dev1", true, someTime)); !p.Disabled {
		t.Error("not disabled")
	}
	if _, ok, _ := s.Check("dev1", password); ok {
		t.Error("a disabled person is let in")
	}
	p := must(t)(s.Disable("dev1", false, someTime))
	if _, ok, _ := s.Check("dev1", password); !ok || !p.Since.Equal(someTime) {
		t.Errorf("enabled again: ok %t, sessions count since %v", ok, p.Since)
	}
	if err := s.db.Sync(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), "battery") || !strings.Contains(string(data), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the file has the password, or no hash (error %v)", err)
	}
}

func TestDamagedHashIsOfNoPassword(t *testing.T) {
	hash := hashPassword(password)
	if !samePassword(hash, password) {
		t.Error("a hash is not of its password")
	}
	for _, damaged := range []string{
		"", "$", "plain", strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "v=19", "v=16", 1),
		strings.Replace(hash, "t=2", "t=0", 1), strings.Replace(hash, "m=19456", "m=99999999", 1), strings.Replace(hash, "p=1", "p=0", 1),
		hash[:len(hash)-30], hash + "$", strings.Replace(hash, "$m=", "$x=", 1),
	} {
		if samePassword(damaged, password) {
			t.Errorf("%q passes for a hash", damaged)
		}
	}
}

func TestWhatCannotBeAnAccountIsRefused(t *testing.T) {
	s, _ := openStore(t)
	must(t)(s.Add("dev1", Developer, someTime))
	for _, name := range []string{"", "Dev1", "1dev", "../x", "dev 1", "dev/1", "admin", "shared", strings.Repeat("a", 33), "dev1\n"} {
		if _, err := s.Add(name, Developer, someTime); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: error %v, want %v", name, err, ErrInvalid)
		}
	}
	if _, err := s.Add("dev1", Viewer, someTime); !errors.Is(err, ErrExists) {
		t.Errorf("twice: error %v", err)
	}
	if _, err := s.Add("dev2", "emperor", someTime); !errors.Is(err, ErrInvalid) {
		t.Errorf("role: error %v", err)
	}
	for _, instance := range []string{"", "web", "web/", "/dev1", "web/dev1/x", "../dev1", "web/..", "*/dev1", "web/dev 1"} {
		if _, err := s.Grant("dev1", Grant{Instance: instance}); !errors.Is(err, ErrInvalid) {
			t.Errorf("grant of %q: error %v, want %v", instance, err, ErrInvalid)
		}
	}
	for _, p := range []string{"", "short", "aaaaaaaaaaaa", "dev1dev1dev1", strings.Repeat("x1", 1000), "bad\xffutf8 text"} {
		if _, err := s.SetPassword("dev1", p, someTime); !errors.Is(err, ErrInvalid) {
			t.Errorf("password %.20q: error %v, want %v", p, err, ErrInvalid)
		}
	}
	for what, err := range map[string]error{
		"password": second(s.SetPassword("nobody", password, someTime)), "role": second(s.SetRole("nobody", Admin)),
		"grant": second(s.Grant("nobody", Grant{Instance: "web/dev1"})), "disable": second(s.Disable("nobody", true, someTime)),
	} {
		if !errors.Is(err, ErrNoPerson) {
			t.Errorf("%s of nobody: error %v, want %v", what, err, ErrNoPerson)
		}
	}
}

func second(_ Person, err error) error { return err }

func TestGrantsAreBounded(t *testing.T) {
	s, _ := openStore(t)
	must(t)(s.Add("dev1", Developer, someTime))
	var err error
	for i := 0; i <= MaxGrants && err == nil; i++ {
		_, err = s.Grant("dev1", Grant{Instance: "web/dev" + strings.Repeat("x", i%20+1) + string(rune('a'+i/20))})
	}
	if !errors.Is(err, ErrFull) {
		t.Errorf("error %v, want %v", err, ErrFull)
	}
}

func TestOwnInstances(t *testing.T) {
	p := Person{Name: "dev1"}
	for instance, want := range map[string]bool{"web/dev1": true, "web/dev2": false, "dev1": false, "dev1/web": false, "web/dev1/x": false, "unassigned": false} {
		if p.Owns(instance) != want {
			t.Errorf("%s: %t", instance, !want)
		}
	}
	if (Person{}).Owns("web/") {
		t.Error("nobody owns what has no owner")
	}
}
