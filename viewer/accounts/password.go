package accounts

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The bounds of a password, in characters and bytes.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// What argon2id costs: the second choice of OWASP's cheat sheet. Each hash of the
// file names its own.
const (
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32
)

// hashing bounds the memory that log-ins take at once.
var hashing = make(chan struct{}, 2)

func checkPassword(name, password string) error {
	switch {
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: the password must be text", ErrInvalid)
	case utf8.RuneCountInString(password) < MinPassword:
		return fmt.Errorf("%w: the password must have at least %d characters", ErrInvalid, MinPassword)
	case len(password) > MaxPassword:
		return fmt.Errorf("%w: the password must have at most %d bytes", ErrInvalid, MaxPassword)
	case strings.Trim(password, password[:1]) == "" || strings.EqualFold(strings.Repeat(name, len(password)/len(name)), password):
		return fmt.Errorf("%w: the password is too easy to guess", ErrInvalid)
	}
	return nil
}

// hashPassword writes the hash as the reference implementation of argon2 does.
func hashPassword(password string) string {
	var salt [argonSalt]byte
	_, _ = rand.Read(salt[:]) // never fails
	key := derive(password, salt[:], argonTime, argonMemory, argonThreads, argonKey)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, encode(salt[:]), encode(key))
}

// samePassword tells whether the hash is of the password. One that cannot be read
// is of none.
func samePassword(hash, password string) bool {
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[1] != "argon2id" || len(password) > MaxPassword {
		return false
	}
	var version int
	var memory, time uint32
	var threads uint8
	if n, err := fmt.Sscanf(fields[2]+" "+fields[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); n != 4 || err != nil || version != argon2.Version {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil || time == 0 || threads == 0 || memory > 1<<20 {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false
	}
	got := derive(password, salt, time, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

func derive(password string, salt []byte, time, memory uint32, threads uint8, size uint32) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, time, memory, threads, size)
}

// noPassword is a hash of what nobody knows.
var noPassword = sync.OnceValue(func() string { return hashPassword(rand.Text()) })
