package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the files of one commit.
const (
	MaxFiles      = 20_000
	MaxTotalBytes = 64 << 20
	MaxFileBytes  = 8 << 20
	maxDepth      = 20
	maxPathBytes  = 1024
	maxNameBytes  = 255 // Linux takes no longer one
)

// File is one file of a commit.
type File struct {
	// Path is relative to the commit's root, clean, with slashes.
	Path string
	// Blob is the name of its content.
	Blob       string
	Size       int64
	Executable bool
}

// RefusedError is a file that is not written, and why.
type RefusedError struct{ Path, Why string }

func (e *RefusedError) Error() string { return fmt.Sprintf("%q is refused: %s", e.Path, e.Why) }

// Files lists a commit's files below the folder under, or all if it is empty,
// sorted by path. A tree that is not safe to write is a *RefusedError.
func (r *Repo) Files(ctx context.Context, sha, under string) ([]File, error) {
	if !shaPattern.MatchString(sha) {
		return nil, fmt.Errorf("commit %.60q: %w", sha, ErrNotFound)
	}
	args := []string{"ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", sha}
	under = strings.Trim(under, "/")
	if under != "" {
		args = append(args, "--", under+"/")
	}
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("list files of %s: %w", sha, err)
	}
	return checkList(out, under)
}

// ReadFile reads one file of a commit of at most limit bytes, a regular one.
func (r *Repo) ReadFile(ctx context.Context, sha, name string, limit int64) ([]byte, error) {
	if why := checkPath(name); why != "" {
		return nil, &RefusedError{name, why}
	}
	if !shaPattern.MatchString(sha) {
		return nil, fmt.Errorf("commit %.60q: %w", sha, ErrNotFound)
	}
	out, err := r.git(ctx, "ls-tree", "-z", "-l", "--full-tree", "--end-of-options", sha, "--", name)
	if err != nil {
		return nil, fmt.Errorf("find %s in %s: %w", name, sha, err)
	}
	if bytes.HasPrefix(out, []byte("040000 ")) {
		return nil, fmt.Errorf("%s of %s is a folder: %w", name, sha, ErrNotFound)
	}
	list, err := checkList(out, "")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(f File) bool { return f.Path == name })
	if i < 0 {
		return nil, fmt.Errorf("%s of %s: %w", name, sha, ErrNotFound)
	}
	_, content, err := r.object(ctx, list[i].Blob, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, sha, err)
	}
	return content, nil
}

// checkList reads what git ls-tree -z -l prints. ls-tree prints "src/../x" as it
// stands, so every path is judged here.
func checkList(out []byte, under string) ([]File, error) {
	var list []File
	var total int64
	names := foldedNames{}
	for entry := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		if len(entry) == 0 {
			continue
		}
		f, err := checkEntry(string(entry))
		if err != nil {
			return nil, err
		}
		if under != "" && !strings.HasPrefix(f.Path, under+"/") {
			return nil, &RefusedError{f.Path, under + " is not a folder"}
		}
		if err := names.add(f.Path); err != nil {
			return nil, err
		}
		list = append(list, f)
		total += f.Size
		if len(list) > MaxFiles {
			return nil, &RefusedError{f.Path, fmt.Sprintf("there are more than %d files", MaxFiles)}
		}
		if total > MaxTotalBytes {
			return nil, &RefusedError{f.Path, fmt.Sprintf("with it the files have more than %d MiB", MaxTotalBytes>>20)}
		}
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// checkEntry reads "MODE KIND BLOB SIZE\tPATH".
func checkEntry(entry string) (File, error) {
	head, name, ok := strings.Cut(entry, "\t")
	words := strings.Fields(head)
	if !ok || len(words) != 4 {
		return File{}, fmt.Errorf("git lists %.100q", entry)
	}
	f := File{Path: name, Blob: words[2]}
	if why := checkPath(name); why != "" {
		return f, &RefusedError{name, why}
	}
	switch words[0] {
	case "100644", "100664":
	case "100755":
		f.Executable = true
	case "120000":
		return f, &RefusedError{name, "it is a symbolic link, which could lead out of the release; commit the file itself"}
	case "160000":
		return f, &RefusedError{name, "it is a submodule, which is not fetched; commit its files, or use the shared library"}
	default:
		return f, &RefusedError{name, "it is neither a file nor a folder (mode " + words[0] + ")"}
	}
	size, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return f, fmt.Errorf("git lists %.100q", entry)
	}
	if f.Size = size; size > MaxFileBytes {
		return f, &RefusedError{name, fmt.Sprintf("it has %d bytes, and a file may have %d MiB", size, MaxFileBytes>>20)}
	}
	return f, nil
}

// checkPath says what is wrong with a path, or nothing.
func checkPath(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "its name is not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "its name has a control character"
	case len(name) > maxPathBytes:
		return fmt.Sprintf("its path is longer than %d bytes", maxPathBytes)
	case strings.Count(name, "/") >= maxDepth:
		return fmt.Sprintf("it is more than %d folders deep", maxDepth)
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return fmt.Sprintf("its path has the part %q", part)
		case strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1"):
			return "its path has a part that git keeps for itself"
		case len(part) > maxNameBytes:
			return fmt.Sprintf("a part of its path is longer than %d bytes", maxNameBytes)
		}
	}
	return ""
}

// foldedNames finds paths that differ in upper and lower case only, and files
// that are folders too. By folded path: how it was written.
type foldedNames map[string]string

func (seen foldedNames) add(name string) error {
	if other, ok := seen[fold(name)]; ok {
		return &RefusedError{name, fmt.Sprintf("%q is there already, and the two are one on some systems", strings.TrimSuffix(other, "/"))}
	}
	seen[fold(name)] = name
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		other, ok := seen[fold(dir)]
		if ok && other == dir+"/" {
			return nil // and so are those above
		}
		if ok {
			return &RefusedError{name, fmt.Sprintf("%q is there already, and the two are one on some systems", strings.TrimSuffix(other, "/"))}
		}
		seen[fold(dir)] = dir + "/"
	}
	return nil
}

func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }
