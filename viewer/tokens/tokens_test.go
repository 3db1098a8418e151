package tokens

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
)

func anybody(Token) bool { return true }

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
	added, secret, err := s.Add("dev1", Push, "laptop", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, other, err := s.Add("dev1", AllScopes, "", noon); err != nil || other == secret {
		t.Fatalf("second secret %v, is the first: %v", err, other == secret)
	}
	found, ok, err := s.Find(secret, noon.Add(time.Hour))
	want := Token{ID: added.ID, Owner: "dev1", Scopes: Push, Label: "laptop", Created: noon, LastUsed: noon.Add(time.Hour)}
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
	if revoked, err := s.Revoke(added.ID, anybody); err != nil || revoked.Owner != "dev1" {
		t.Errorf("revoked %+v %v", revoked, err)
	}
	if _, ok, err := s.Find(secret, noon); ok || err != nil {
		t.Errorf("a revoked secret is found: %t %v", ok, err)
	}
	if _, err := s.Revoke(added.ID, anybody); !errors.Is(err, ErrNoToken) {
		t.Errorf("second revoke: %v, want ErrNoToken", err)
	}
}

func TestLastUseIsKeptOnceAMinute(t *testing.T) {
	s, _ := open(t)
	_, secret, err := s.Add("dev1", Push, "", noon)
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
		if _, _, err := s.Add(owner, Push, "", noon.Add(-time.Duration(i)*time.Second)); err != nil {
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
		owner  string
		scopes Scopes
		label  string
		says   string
	}{
		"no owner":       {"", Push, "", `the owner "" must begin with a letter`},
		"odd owner":      {"dev1/../x", Push, "", "must begin with a letter"},
		"no scope":       {"dev1", 0, "", "it needs one or more of the scopes read, control, push, ingest"},
		"unknown scope":  {"dev1", 1 << 6, "", "it needs one or more of the scopes"},
		"control byte":   {"dev1", Read, "a\nb", "printable characters only"},
		"endless label":  {"dev1", Read, strings.Repeat("é", 101), "at most 100 characters"},
		"invalid UTF-8":  {"dev1", Read, "\xff", "at most 100 characters"},
		"capital letter": {"Dev1", Read, "", "must begin with a letter"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.Add(test.owner, test.scopes, test.label, noon)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want ErrInvalid with %q", err, test.says)
			}
		})
	}
}

func TestTokenFromBeforeScopesIsForGit(t *testing.T) {
	s, _ := open(t)
	err := s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).Put(hash("tagtail_old"), []byte(`{"id":"a1","owner":"boss","role":"admin","label":"","created":"2026-09-01T10:42:31Z"}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	got, found, err := s.Find("tagtail_old", noon)
	if err != nil || !found || got.Scopes != Push || got.Role != "admin" {
		t.Errorf("found %+v %t, error %v", got, found, err)
	}
}

func TestScopesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]Scopes{"read": Read, "push, ingest": Push | Ingest, "ingest,push,control,read": AllScopes} {
		got, err := ParseScopes(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, error %v, want %v", text, got, err, want)
		}
		data, err := json.Marshal(got)
		var again Scopes
		if err != nil || json.Unmarshal(data, &again) != nil || again != want {
			t.Errorf("%s is read as %v", data, again)
		}
	}
	for _, text := range []string{"", "read,", "admin", "Read", "read push"} {
		if got, err := ParseScopes(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, error %v, want %v", text, got, err, ErrInvalid)
		}
	}
	if AllScopes.Has(0) || !AllScopes.Has(Read) || Push.Has(Push|Read) {
		t.Error("scopes have what they have not")
	}
}
