package accounts

import (
	"errors"
	"fmt"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// MaxSubject bounds what a provider calls somebody by; OpenID Connect Core, 2,
// has the same bound.
const MaxSubject = 255

// loginBucket has the names of the accounts by the key of their Login.
var loginBucket = []byte("logins")

// What a log-in that a provider vouches for may be refused for.
var (
	ErrNotLinked = errors.New("the account of that name is not linked to the provider")
	ErrDisabled  = errors.New("the account is disabled")
	ErrLinked    = errors.New("somebody else is linked to this already")
)

// Login is who somebody is where they log in. The zero value is nobody.
type Login struct {
	// Provider is the issuer of OpenID Connect, or the proxy's name.
	Provider string `json:"provider"`
	// Subject is how the provider calls them, and nobody else ever.
	Subject string `json:"subject"`
}

// key has the length of the provider in it, so that no two are the same.
func (l Login) key() []byte {
	return fmt.Appendf(nil, "%d %s %s", len(l.Provider), l.Provider, l.Subject)
}

func (l Login) check() error {
	if l.Provider == "" || len(l.Provider) > MaxSubject {
		return fmt.Errorf("%w: the provider must have 1 to %d bytes", ErrInvalid, MaxSubject)
	}
	if l.Subject == "" || len(l.Subject) > MaxSubject || strings.ContainsFunc(l.Subject, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: the subject must have 1 to %d bytes, and no control characters", ErrInvalid, MaxSubject)
	}
	return nil
}

// Claim is what a provider says of somebody who logs in.
type Claim struct {
	Login Login
	// Name is what their account is called, if they have none.
	Name string
	// Role is that of their account, from now on. KeepsRole leaves an account
	// that there is as it is.
	Role      Role
	KeepsRole bool
}

// LogIn returns the person whom the provider means, and makes an account for one
// who has none. That somebody has the name there is no reason to be taken for
// them: the account must be linked.
func (s *Store) LogIn(c Claim, now time.Time) (p Person, err error) {
	if err := errors.Join(c.Login.check(), checkRole(c.Role)); err != nil {
		return Person{}, err
	}
	if p, done, err := s.alreadyKnown(c); done {
		return p, err
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		if name := tx.Bucket(loginBucket).Get(c.Login.key()); name != nil {
			p, err = logInAgain(tx, string(name), c)
			return err
		}
		if err := CheckName(c.Name); err != nil {
			return err
		}
		b := tx.Bucket(bucket)
		if b.Get([]byte(c.Name)) != nil {
			return fmt.Errorf("%w: %s", ErrNotLinked, c.Name)
		}
		if b.Stats().KeyN >= MaxPeople {
			return ErrFull
		}
		r := record{Person: Person{Name: c.Name, Role: c.Role, Created: now.UTC().Truncate(time.Second), Login: c.Login}}
		p = r.person()
		return errors.Join(put(b, r), tx.Bucket(loginBucket).Put(c.Login.key(), []byte(c.Name)))
	})
	if err != nil {
		return Person{}, fmt.Errorf("log in: %w", err)
	}
	return p, nil
}

// Known returns the person whom the provider means, and makes nobody.
func (s *Store) Known(c Claim) (p Person, found bool, err error) {
	if err := c.Login.check(); err != nil {
		return Person{}, false, err
	}
	c.KeepsRole = true
	return s.alreadyKnown(c)
}

// alreadyKnown spares a sync of the file where nothing changes.
func (s *Store) alreadyKnown(c Claim) (p Person, done bool, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		name := tx.Bucket(loginBucket).Get(c.Login.key())
		if name == nil {
			return nil
		}
		r, err := get(tx.Bucket(bucket), string(name))
		p, done = r.person(), r.Disabled || !r.Lapsed && (c.KeepsRole || r.Role == c.Role)
		if err == nil && r.Disabled {
			err = fmt.Errorf("%w: %s", ErrDisabled, r.Name)
		}
		return err
	})
	if err != nil {
		return Person{}, true, fmt.Errorf("log in: %w", err)
	}
	return p, done, nil
}

func logInAgain(tx *bolt.Tx, name string, c Claim) (Person, error) {
	b := tx.Bucket(bucket)
	r, err := get(b, name)
	if err != nil {
		return Person{}, err
	}
	if r.Disabled {
		return Person{}, fmt.Errorf("%w: %s", ErrDisabled, name)
	}
	if !c.KeepsRole {
		r.Role = c.Role
	}
	r.Lapsed = false
	return r.person(), put(b, r)
}

// Lapse keeps somebody out of whom the provider names no role any more, and ends
// their sessions, until it names one or an administrator enables them. It tells
// whether they were in until now.
func (s *Store) Lapse(l Login, now time.Time) (p Person, lapsed bool, err error) {
	err = s.db.Update(func(tx *bolt.Tx) error {
		name := tx.Bucket(loginBucket).Get(l.key())
		if name == nil {
			return nil
		}
		b := tx.Bucket(bucket)
		r, err := get(b, string(name))
		if err != nil {
			return err
		}
		if lapsed = !r.out(); !lapsed {
			return nil
		}
		r.Lapsed, r.Since = true, now.UTC()
		p = r.person()
		return put(b, r)
	})
	if err != nil {
		return Person{}, false, fmt.Errorf("lapse account: %w", err)
	}
	return p, lapsed, nil
}

// Link lets the person log in as who they are at a provider, instead of whom they
// were linked to before.
func (s *Store) Link(name string, l Login) (p Person, err error) {
	if err := l.check(); err != nil {
		return Person{}, err
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		b, logins := tx.Bucket(bucket), tx.Bucket(loginBucket)
		r, err := get(b, name)
		if err != nil {
			return err
		}
		if other := logins.Get(l.key()); other != nil && string(other) != name {
			return fmt.Errorf("%w: %s", ErrLinked, other)
		}
		if r.Login != (Login{}) {
			if err := logins.Delete(r.Login.key()); err != nil {
				return err
			}
		}
		r.Login, r.Lapsed = l, false
		p = r.person()
		return errors.Join(put(b, r), logins.Put(l.key(), []byte(name)))
	})
	if err != nil {
		return Person{}, fmt.Errorf("link account: %w", err)
	}
	return p, nil
}
