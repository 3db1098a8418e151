// Package tokens keeps the secrets by which people's git and scripts are known.
//
//	Add → the secret, shown once; Find: secret → SHA-256 → Token
//
// Invariants: a secret is never kept, only its hash; a secret has 256 random
// bits, so a plain hash of it cannot be searched through; what Add, Revoke and
// Find have returned without an error is on disk, but for the time of the last
// use, which may be a minute old. The package knows nothing of what a token's
// owner may do. Start reading at Store.
package tokens

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"
)

// The bounds of what is kept.
const (
	MaxTokens     = 2000 // of everybody together
	MaxLabelRunes = 100
)

// prefix tells secret scanners and people what they have found.
const prefix = "tagtail_"

// useEvery is how exactly the last use is known: to write each one would cost a
// sync of the file a request.
const useEvery = time.Minute

var bucket = []byte("tokens")

// Token is what is known of a secret.
type Token struct {
	// ID names the token; it is no secret.
	ID string `json:"id"`
	// Owner is the person, who is also a branch: dev1.
	Owner string `json:"owner"`
	// Scopes are what it may be used for, as far as its owner may do that.
	Scopes Scopes `json:"scopes"`
	// Label says what it is for; it may be empty.
	Label   string    `json:"label"`
	Created time.Time `json:"created"`
	// LastUsed is zero if it never was.
	LastUsed time.Time `json:"last_used,omitzero"`
	// Role is that of the owner in files from before there were accounts.
	Role string `json:"role,omitempty"`
}

// What a request may be refused for; the errors wrap these.
var (
	ErrInvalid = errors.New("this cannot be a token")
	ErrFull    = errors.New("there are too many tokens already")
	ErrNoToken = errors.New("there is no such token")
)

// Store keeps the tokens. Its methods may be called from several goroutines.
type Store struct{ db *bolt.DB }

// New keeps the tokens in db, which the caller closes.
func New(db *bolt.DB) (*Store, error) {
	err := db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prepare tokens: %w", err)
	}
	return &Store{db}, nil
}

var ownerPattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

func check(t Token) error {
	switch {
	case !ownerPattern.MatchString(t.Owner):
		return fmt.Errorf("%w: the owner %.40q must begin with a letter a-z and have at most 32 letters a-z, digits, - and _", ErrInvalid, t.Owner)
	case t.Scopes == 0 || t.Scopes&^AllScopes != 0:
		return fmt.Errorf("%w: it needs one or more of the scopes %s", ErrInvalid, AllScopes)
	case utf8.RuneCountInString(t.Label) > MaxLabelRunes || !utf8.ValidString(t.Label):
		return fmt.Errorf("%w: the label must be text of at most %d characters", ErrInvalid, MaxLabelRunes)
	}
	for _, r := range t.Label {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("%w: the label may hold printable characters only", ErrInvalid)
		}
	}
	return nil
}

// Add makes a token for owner. The secret is never shown again.
func (s *Store) Add(owner string, scopes Scopes, label string, now time.Time) (Token, string, error) {
	t := Token{ID: newID(), Owner: owner, Scopes: scopes, Label: label, Created: now.UTC().Truncate(time.Second)}
	if err := check(t); err != nil {
		return Token{}, "", err
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	secret := prefix + base64.RawURLEncoding.EncodeToString(random[:])
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		if b.Stats().KeyN >= MaxTokens {
			return fmt.Errorf("%w: revoke some that nobody uses", ErrFull)
		}
		return put(b, hash(secret), t)
	})
	if err != nil {
		return Token{}, "", fmt.Errorf("store token: %w", err)
	}
	return t, secret, nil
}

// Find tells whose secret it is, and remembers the use. Looking up a hash takes
// a time that tells nothing about the secrets there are.
func (s *Store) Find(secret string, now time.Time) (Token, bool, error) {
	key := hash(secret)
	var t Token
	found := false
	err := s.db.View(func(tx *bolt.Tx) (err error) {
		data := tx.Bucket(bucket).Get(key)
		found = data != nil
		if !found {
			return nil
		}
		t, err = decode(data)
		return err
	})
	if err != nil {
		return Token{}, false, fmt.Errorf("read token: %w", err)
	}
	if !found || now.Sub(t.LastUsed) < useEvery {
		return t, found, nil
	}
	t.LastUsed = now.UTC().Truncate(time.Second)
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		if found = b.Get(key) != nil; !found {
			return nil // it was revoked just now
		}
		return put(b, key, t)
	})
	if err != nil {
		return Token{}, false, fmt.Errorf("store last use of token: %w", err)
	}
	return t, found, nil
}

// List gives all tokens by owner and age. The caller owns the slice.
func (s *Store) List() ([]Token, error) {
	list := []Token{}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, data []byte) error {
			t, err := decode(data)
			if err != nil {
				return err
			}
			list = append(list, t)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	slices.SortFunc(list, func(a, b Token) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Revoke makes a token void that the caller may revoke, and tells what it was.
func (s *Store) Revoke(id string, may func(Token) bool) (Token, error) {
	var revoked Token
	err := s.db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for key, data := c.First(); key != nil; key, data = c.Next() {
			t, err := decode(data)
			if err != nil {
				return err
			}
			if t.ID == id && may(t) {
				revoked = t
				return c.Delete()
			}
		}
		return ErrNoToken
	})
	if err != nil {
		return Token{}, fmt.Errorf("revoke token: %w", err)
	}
	return revoked, nil
}

// decode reads a token. One from before there were scopes is for git.
func decode(data []byte) (t Token, err error) {
	if err := json.Unmarshal(data, &t); err != nil {
		return Token{}, err
	}
	if t.Scopes == 0 {
		t.Scopes = Push
	}
	return t, nil
}

func put(b *bolt.Bucket, key []byte, t Token) error {
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return b.Put(key, data)
}

func newID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
