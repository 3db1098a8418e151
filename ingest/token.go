package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
)

// Token is a secret that proves which instance a message is from. It is never
// shown: not by fmt, not by slog.
type Token string

// hidden is what is shown of a Token.
const hidden = "(hidden)"

// String hides the token.
func (Token) String() string { return hidden }

// GoString hides the token.
func (Token) GoString() string { return hidden }

// LogValue hides the token.
func (Token) LogValue() slog.Value { return slog.StringValue(hidden) }

// Sizes of tokens, in bytes.
const (
	minTokenBytes = 16
	maxTokenBytes = 256
)

func (t Token) validate() error {
	if len(t) < minTokenBytes || len(t) > maxTokenBytes {
		return errors.New("a token is too short or too long; give 16 to 256 random letters and digits")
	}
	for i := 0; i < len(t); i++ {
		if c := t[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' || c == ']' {
			return errors.New("a token has characters that structured data cannot hold; give letters and digits")
		}
	}
	return nil
}

// tokenBook finds the instances of a token. Tokens are kept and looked up as
// salted digests, so that the time a look-up takes says nothing of them.
type tokenBook struct {
	salt    [16]byte
	byStart map[uint64][]tokenGrant // by the digest's first 8 bytes
}

type tokenGrant struct {
	digest    [sha256.Size]byte
	instances []string
}

func newTokenBook(salt [16]byte) *tokenBook {
	return &tokenBook{salt: salt, byStart: map[uint64][]tokenGrant{}}
}

func (b *tokenBook) digest(token string) [sha256.Size]byte {
	var text [len(b.salt) + maxTokenBytes]byte
	n := copy(text[:], b.salt[:])
	n += copy(text[n:], token)
	return sha256.Sum256(text[:n])
}

func (b *tokenBook) add(token Token, instance string) {
	digest := b.digest(string(token))
	start := binary.LittleEndian.Uint64(digest[:])
	grants := b.byStart[start]
	i := slices.IndexFunc(grants, func(g tokenGrant) bool { return g.digest == digest })
	if i < 0 {
		i = len(grants)
		grants = append(grants, tokenGrant{digest: digest})
	}
	grants[i].instances = append(grants[i].instances, instance)
	b.byStart[start] = grants
}

// of returns the instances of a token, nil if it is nobody's.
func (b *tokenBook) of(token string) []string {
	if len(b.byStart) == 0 || len(token) < minTokenBytes || len(token) > maxTokenBytes {
		return nil
	}
	digest := b.digest(token)
	for i := range b.byStart[binary.LittleEndian.Uint64(digest[:])] {
		grant := &b.byStart[binary.LittleEndian.Uint64(digest[:])][i]
		if subtle.ConstantTimeCompare(grant.digest[:], digest[:]) == 1 {
			return grant.instances
		}
	}
	return nil
}
