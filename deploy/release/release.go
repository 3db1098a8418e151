// Package release keeps one instance's numbered releases on the disk.
//
//	Begin → Tree (files are written) → Switch → Finish
//
//	PREFIX/releases/000042-7ebbf4f/release.json   the record
//	PREFIX/releases/000042-7ebbf4f/src/           the tree
//	PREFIX/src → releases/000042-7ebbf4f/src      what is live
//
// The record is written before the tree and again at the end, so that a crash
// leaves a release that says it is running; Recover marks it abandoned and
// removes its half tree. The live release is where the link points and nothing
// else: it is changed by one rename, so a reader sees the old tree or the new
// one. A record that cannot be read hides no other. Nothing is synced to the
// disk: after a loss of power a deploy is repeated. At most one goroutine may
// change a Store at a time, any may List. Start reading at Store.
package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// Kind is what made a release.
type Kind string

// The kinds.
const (
	Deploy   Kind = "deploy"   // code out of a commit
	Config   Kind = "config"   // a configuration out of serverctrl
	Rollback Kind = "rollback" // code out of an older release
)

// Result is how a release ended.
type Result string

// The results.
const (
	Running   Result = "running"
	Succeeded Result = "succeeded"
	Failed    Result = "failed"
	Abandoned Result = "abandoned" // Tagtail itself ended in between
	Damaged   Result = "damaged"   // its record cannot be read
)

// Release is the record of one release.
type Release struct {
	// Number counts from 1, for each instance.
	Number   int    `json:"number"`
	Kind     Kind   `json:"kind"`
	Instance string `json:"instance"`
	// Repo is the repository's name, Ref what the person called the commit, SHA
	// its 40 digits, Subject the first line of its message.
	Repo    string `json:"repo"`
	Ref     string `json:"ref"`
	SHA     string `json:"sha"`
	Subject string `json:"subject"`
	// By is the person, Via how they asked: push, web, api or cli.
	By   string    `json:"by"`
	Via  string    `json:"via"`
	When time.Time `json:"when"`
	// TookMS is from the beginning to the result, in milliseconds.
	TookMS int64  `json:"took_ms"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
	Result Result `json:"result"`
	// Error is the sentence that says why it failed.
	Error string `json:"error,omitempty"`
	// Job is the id of the job that made it.
	Job string `json:"job"`
	// Of is the release that was rolled back to, of the kind Rollback.
	Of int `json:"of,omitempty"`
	// Parent is the release that was live before, 0 if none.
	Parent int `json:"parent,omitempty"`
	// Switched tells that it has been live.
	Switched bool `json:"switched"`

	// Live and Kept are of the moment of the listing: whether it is what runs,
	// and whether its tree is still there.
	Live bool `json:"live"`
	Kept bool `json:"kept"`
}

const (
	recordName     = "release.json"
	treeName       = "src"
	maxRecordBytes = 64 << 10
)

// dirPattern is the name of a release's folder: number and abbreviated commit.
var dirPattern = regexp.MustCompile(`^([0-9]{6,9})-([0-9a-f]{7})$`)

func (r Release) dirName() string { return fmt.Sprintf("%06d-%.7s", r.Number, r.SHA) }

// readRecord gives the record of the folder DIR/NAME. One that cannot be read is
// Damaged and has what the name says.
func readRecord(dir, name string) Release {
	r, err := decodeRecord(filepath.Join(dir, name, recordName))
	words := dirPattern.FindStringSubmatch(name)
	number, _ := strconv.Atoi(words[1]) // the pattern lets only numbers through
	if err == nil && r.dirName() != name {
		err = fmt.Errorf("it is the record of %s", r.dirName())
	}
	if err != nil {
		r = Release{Number: number, SHA: words[2], Result: Damaged, Error: "its record cannot be read: " + err.Error()}
	}
	return r
}

func decodeRecord(path string) (Release, error) {
	var r Release
	f, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer f.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(io.LimitReader(f, maxRecordBytes))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// writeRecord replaces the record in one step.
func writeRecord(dir string, r Release) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write record of release %d: %w", r.Number, err)
	}
	path := filepath.Join(dir, recordName)
	temporary := path + ".new"
	if err := os.WriteFile(temporary, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write record of release %d: %w", r.Number, errors.Join(err, os.Remove(temporary)))
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("write record of release %d: %w", r.Number, err)
	}
	return nil
}
