// Package accounts keeps who there is, what each may do, and their passwords.
//
//	Add → Person → SetPassword, Grant, Disable; Check: name, password → Person
//
// Invariants: a password is never kept, only its argon2id hash; what a method has
// returned without an error is on disk; every name fits a branch of git and the
// owner of an instance. The package knows nothing of sessions, tokens and routes.
// Start reading at Store.
package accounts

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The bounds of what is kept.
const (
	MaxPeople = 2000
	MaxGrants = 200 // of one person
)

// Reserved is the name of who holds the administrator's token: no account is
// called so.
const Reserved = "admin"

var bucket = []byte("people")

// Role is what a person may do in general.
type Role string

// The roles.
const (
	Admin     Role = "admin"     // everything
	Developer Role = "developer" // moves what is theirs, and what is granted
	Viewer    Role = "viewer"    // reads what is theirs, and what is granted
)

// Roles lists them.
func Roles() []Role { return []Role{Admin, Developer, Viewer} }

// Grant lets a person see an instance of somebody else.
type Grant struct {
	// Instance is service/owner.
	Instance string `json:"instance"`
	// Control lets them move it too.
	Control bool `json:"control"`
}

// Person is what is known of somebody, without their password.
type Person struct {
	// Name is also their branch, and the owner of their instances: dev1.
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
	// HasPassword tells whether they can log in with one.
	HasPassword bool `json:"has_password"`
	// Grants are sorted by instance.
	Grants []Grant `json:"grants"`
	// Login is who they are at the provider that they log in by, if any.
	Login Login `json:"login,omitzero"`
	// Since is when the sessions began to count that have not ended: a new
	// password ends those before.
	Since time.Time `json:"-"`
}

// record is a person as the file has them.
type record struct {
	Person
	Since time.Time `json:"since"`
	Hash  string    `json:"hash,omitempty"` // of the password
	// Lapsed is that the provider has named no role when they came last: until it
	// does, it is as if they were disabled.
	Lapsed bool `json:"lapsed,omitempty"`
}

// What a request may be refused for; the errors wrap these.
var (
	ErrInvalid  = errors.New("this cannot be an account")
	ErrExists   = errors.New("there is such an account already")
	ErrFull     = errors.New("there are too many accounts already")
	ErrNoPerson = errors.New("there is no such account")
)

// Store keeps the accounts. Its methods may be called from several goroutines.
type Store struct{ db *bolt.DB }

// OpenFile opens the file of accounts, sessions and tokens; the caller closes it.
func OpenFile(path string) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another tagtail uses it: stop that one, or choose another data folder", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// New keeps the accounts in db, which the caller closes.
func New(db *bolt.DB) (*Store, error) {
	err := db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		if err == nil {
			_, err = tx.CreateBucketIfNotExists(loginBucket)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prepare accounts: %w", err)
	}
	return &Store{db}, nil
}

var (
	namePattern     = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	instancePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}/[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// CheckName tells why nobody can have the name; the error wraps ErrInvalid.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("%w: the name %.40q must begin with a letter a-z and have at most 32 letters a-z, digits, - and _", ErrInvalid, name)
	}
	if name == Reserved || name == "shared" {
		return fmt.Errorf("%w: the name %s has a meaning of its own: choose another", ErrInvalid, name)
	}
	return nil
}

func checkRole(role Role) error {
	if !slices.Contains(Roles(), role) {
		return fmt.Errorf("%w: the role %.40q is none of admin, developer and viewer", ErrInvalid, string(role))
	}
	return nil
}

// Add makes an account without a password.
func (s *Store) Add(name string, role Role, now time.Time) (Person, error) {
	if err := errors.Join(CheckName(name), checkRole(role)); err != nil {
		return Person{}, err
	}
	r := record{Person: Person{Name: name, Role: role, Created: now.UTC().Truncate(time.Second), Grants: []Grant{}}}
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		if b.Get([]byte(name)) != nil {
			return fmt.Errorf("%w: %s", ErrExists, name)
		}
		if b.Stats().KeyN >= MaxPeople {
			return ErrFull
		}
		return put(b, r)
	})
	if err != nil {
		return Person{}, fmt.Errorf("add account: %w", err)
	}
	return r.person(), nil
}

// Find returns a person, if there is such an account.
func (s *Store) Find(name string) (p Person, found bool, err error) {
	r, err := s.find(name)
	if errors.Is(err, ErrNoPerson) {
		return Person{}, false, nil
	}
	return r.person(), err == nil, err
}

// List gives everybody by name. The caller owns the slice.
func (s *Store) List() ([]Person, error) {
	list := []Person{}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(_, data []byte) error {
			var r record
			if err := json.Unmarshal(data, &r); err != nil {
				return err
			}
			list = append(list, r.person())
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

// SetRole changes what a person may do.
func (s *Store) SetRole(name string, role Role) (Person, error) {
	if err := checkRole(role); err != nil {
		return Person{}, err
	}
	return s.change(name, func(r *record) error {
		r.Role = role
		return nil
	})
}

// Disable keeps a person out, whose sessions end for good, or lets them in again,
// also if it was the provider who kept them out.
func (s *Store) Disable(name string, disabled bool, now time.Time) (Person, error) {
	return s.change(name, func(r *record) error {
		if disabled && !r.Disabled {
			r.Since = now.UTC()
		}
		r.Disabled = disabled
		r.Lapsed = r.Lapsed && disabled
		return nil
	})
}

// Grant lets a person see an instance, and perhaps move it. It replaces an
// earlier grant of the same one.
func (s *Store) Grant(name string, g Grant) (Person, error) {
	if !instancePattern.MatchString(g.Instance) {
		return Person{}, fmt.Errorf("%w: %.60q is no instance: its name is SERVICE/OWNER", ErrInvalid, g.Instance)
	}
	return s.change(name, func(r *record) error {
		at, found := slices.BinarySearchFunc(r.Grants, g.Instance, byInstance)
		switch {
		case found:
			r.Grants[at] = g
		case len(r.Grants) >= MaxGrants:
			return fmt.Errorf("%w: %s has %d grants already: make the person an administrator, or take some back", ErrFull, name, MaxGrants)
		default:
			r.Grants = slices.Insert(r.Grants, at, g)
		}
		return nil
	})
}

// Revoke takes a grant back. One that there is not is no error.
func (s *Store) Revoke(name, instance string) (Person, error) {
	return s.change(name, func(r *record) error {
		if at, found := slices.BinarySearchFunc(r.Grants, instance, byInstance); found {
			r.Grants = slices.Delete(r.Grants, at, at+1)
		}
		return nil
	})
}

func byInstance(g Grant, instance string) int { return cmp.Compare(g.Instance, instance) }

// SetPassword gives a person a password, and ends the sessions that there are.
func (s *Store) SetPassword(name, password string, now time.Time) (Person, error) {
	if err := checkPassword(name, password); err != nil {
		return Person{}, err
	}
	hash := hashPassword(password)
	return s.change(name, func(r *record) error {
		r.Hash, r.Since = hash, now.UTC()
		return nil
	})
}

// Check tells whether the password is that of the person, who is not disabled.
// It takes as long where there is no such person.
func (s *Store) Check(name, password string) (p Person, ok bool, err error) {
	r, err := s.find(name)
	if err != nil && !errors.Is(err, ErrNoPerson) {
		return Person{}, false, err
	}
	if !samePassword(cmp.Or(r.Hash, noPassword()), password) || r.Hash == "" || r.out() {
		return Person{}, false, nil
	}
	return r.person(), true, nil
}

func (s *Store) find(name string) (r record, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		r, err = get(tx.Bucket(bucket), name)
		return err
	})
	if err != nil {
		return record{}, fmt.Errorf("read account: %w", err)
	}
	return r, nil
}

func (s *Store) change(name string, change func(*record) error) (p Person, err error) {
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		r, err := get(b, name)
		if err != nil {
			return err
		}
		if err := change(&r); err != nil {
			return err
		}
		p = r.person()
		return put(b, r)
	})
	if err != nil {
		return Person{}, fmt.Errorf("change account: %w", err)
	}
	return p, nil
}

func get(b *bolt.Bucket, name string) (r record, err error) {
	data := b.Get([]byte(name))
	if name == "" || data == nil {
		return record{}, fmt.Errorf("%w: %.40q", ErrNoPerson, name)
	}
	return r, json.Unmarshal(data, &r)
}

func put(b *bolt.Bucket, r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return b.Put([]byte(r.Name), data)
}

// out tells whether the person is kept out, by an administrator or the provider.
func (r record) out() bool { return r.Disabled || r.Lapsed }

func (r record) person() Person {
	p := r.Person
	p.Disabled = r.out()
	p.Since, p.HasPassword = r.Since, r.Hash != ""
	if p.Grants == nil {
		p.Grants = []Grant{}
	}
	return p
}

// Owns tells whether the instance, service/owner, is the person's own.
func (p Person) Owns(instance string) bool {
	_, owner, ok := strings.Cut(instance, "/")
	return ok && p.Name != "" && owner == p.Name
}
