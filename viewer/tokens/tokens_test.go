package tokens

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

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "accounts.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := New(db)
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func TestSecretFindsItsOwnerUntilItIsRevoked(t *testing.T) {
	s, path := open(t)
	added, secret, err := s.Add("dev1", Developer, "laptop", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, other, err := s.Add("dev1", Admin, "", noon); err != nil || other == secret {
		t.Fatalf("second secret %v, is the first: %v", err, other == secret)
	}
	found, ok, err := s.Find(secret, noon.Add(time.Hour))
	want := Token{ID: added.ID, Owner: "dev1", Role: Developer, Label: "laptop", Created: noon, LastUsed: noon.Add(time.Hour)}
	if err != nil || !ok || found != want {
		t.Errorf("found %+v %t %v, want %+v", found, ok, err, want)
	}
	for _, wrong := range []string{"", secret + "x", strings.ToUpper(secret), added.ID} {
		if _, ok, err := s.Find(wrong, noon); ok || err != nil {
			t.Errorf("%q is a secret: %t %v", wrong, ok, err)
		}
	}
	if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), secret) {
		t.Errorf("the file holds the secret, %v", err)
	}
	if revoked, err := s.Revoke(added.ID); err != nil || revoked.Owner != "dev1" {
		t.Errorf("revoked %+v %v", revoked, err)
	}
	if _, ok, err := s.Find(secret, noon); ok || err != nil {
		t.Errorf("a revoked secret is found: %t %v", ok, err)
	}
	if _, err := s.Revoke(added.ID); !errors.Is(err, ErrNoToken) {
		t.Errorf("second revoke: %v, want ErrNoToken", err)
	}
}

func TestLastUseIsKeptOnceAMinute(t *testing.T) {
	s, _ := open(t)
	_, secret, err := s.Add("dev1", Developer, "", noon)
	if err != nil {
		t.Fatal(err)
	}
	var uses []time.Time
	for _, after := range []time.Duration{0, 59 * time.Second, time.Minute} {
		if _, _, err := s.Find(secret, noon.Add(after)); err != nil {
			t.Fatal(err)
		}
		list, err := s.List()
		if err != nil {
			t.Fatal(err)
		}
		uses = append(uses, list[0].LastUsed)
	}
	if diff := cmp.Diff([]time.Time{noon, noon, noon.Add(time.Minute)}, uses); diff != "" {
		t.Errorf("last uses (-want +got):\n%s", diff)
	}
}

func TestTokensAreListedByOwnerAndAge(t *testing.T) {
	s, _ := open(t)
	for i, owner := range []string{"dev2", "dev1", "dev2"} {
		if _, _, err := s.Add(owner, Developer, "", noon.Add(-time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, token := range list {
		got = append(got, token.Owner+token.Created.Format(" 05"))
	}
	if diff := cmp.Diff([]string{"dev1 59", "dev2 58", "dev2 00"}, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeATokenIsRefusedWithASentence(t *testing.T) {
	s, _ := open(t)
	tests := map[string]struct {
		owner string
		role  Role
		label string
		says  string
	}{
		"no owner":       {"", Developer, "", `the owner "" must begin with a letter`},
		"odd owner":      {"dev1/../x", Developer, "", "must begin with a letter"},
		"no role":        {"dev1", "", "", `the role "" is neither developer nor admin`},
		"control byte":   {"dev1", Admin, "a\nb", "printable characters only"},
		"endless label":  {"dev1", Admin, strings.Repeat("é", 101), "at most 100 characters"},
		"invalid UTF-8":  {"dev1", Admin, "\xff", "at most 100 characters"},
		"capital letter": {"Dev1", Admin, "", "must begin with a letter"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.Add(test.owner, test.role, test.label, noon)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want ErrInvalid with %q", err, test.says)
			}
		})
	}
}
