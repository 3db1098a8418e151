package main

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// people are the accounts of a server that does not run.
type people struct {
	db       *bolt.DB
	accounts *accounts.Store
	tokens   *tokens.Store
}

func openPeople(path string) (p people, err error) {
	if p.db, err = accounts.OpenFile(path); err != nil {
		return people{}, err
	}
	var bad, worse error
	p.accounts, bad = accounts.New(p.db)
	p.tokens, worse = tokens.New(p.db)
	if err := errors.Join(bad, worse); err != nil {
		return people{}, errors.Join(err, p.close())
	}
	return p, nil
}

func (p people) close() error { return p.db.Close() }

// add makes a token for git, and an account if the owner has none.
func (p people) add(owner string, role accounts.Role, label string) (secret string, err error) {
	if _, err := p.accounts.Add(owner, role, time.Now()); err != nil && !errors.Is(err, accounts.ErrExists) {
		return "", fmt.Errorf("make account %s: %w", owner, err)
	}
	_, secret, err = p.tokens.Add(owner, tokens.Push, label, time.Now())
	return secret, err
}
