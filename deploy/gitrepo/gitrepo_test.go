package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// git runs git on a bare repository with nobody's settings.
func git(t testing.TB, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_DIR=" + dir,
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=b@example.com",
		"GIT_AUTHOR_DATE=1700000000 +0000", "GIT_COMMITTER_DATE=1700000001 +0000",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func newRepo(t testing.TB) (string, *Repo) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("git is not installed")
		}
		t.Skip("git is not installed")
	}
	dir := filepath.Join(t.TempDir(), "x.git")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "", "init", "-q", "--bare", "-b", "master", ".")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, r
}

// commitFiles commits files by fast-import, on the branch, and gives its name.
func commitFiles(t testing.TB, dir, branch, message string, files map[string]string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "commit refs/heads/%s\nauthor Ann <a@example.com> 1700000000 +0000\ncommitter Bob <b@example.com> 1700000001 +0000\ndata %d\n%s\ndeleteall\n", branch, len(message), message)
	for name, text := range files {
		fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text)
	}
	git(t, dir, b.String(), "fast-import", "--quiet", "--force")
	return git(t, dir, "", "rev-parse", "refs/heads/"+branch)
}

func TestCommitsAreFoundByBranchAndByDigits(t *testing.T) {
	dir, r := newRepo(t)
	ctx := t.Context()
	sha := commitFiles(t, dir, "dev1", "UP\n\nmore", map[string]string{"src/a": "a"})
	other := commitFiles(t, dir, "master", "second \xff", map[string]string{"src/a": "b"})
	git(t, dir, "", "update-ref", "refs/tags/dev1", other)
	git(t, dir, "", "update-ref", "refs/tags/refs/heads/dev2", other)
	c, err := r.Branch(ctx, "dev1")
	if err != nil || c.SHA != sha || c.Subject != "UP" || c.Author != "Ann" || c.Time.Unix() != 1700000001 {
		t.Fatalf("got %+v, %v, want %s UP of Ann", c, err, sha)
	}
	if c, err := r.Commit(ctx, "refs/heads/master"); err != nil || c.SHA != other || c.Subject != "second \ufffd" {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err := r.Reachable(ctx, sha[:7]); err != nil || c.SHA != sha {
		t.Errorf("got %+v, %v, want %s", c, err, sha)
	}
	blob := git(t, dir, "", "rev-parse", sha+":src/a")
	git(t, dir, "", "update-ref", "-d", "refs/heads/dev1")
	for name, ask := range map[string]func() (Commit, error){
		"unreachable": func() (Commit, error) { return r.Reachable(ctx, sha[:10]) },
		"a blob":      func() (Commit, error) { return r.Commit(ctx, blob) },
		"unknown":     func() (Commit, error) { return r.Commit(ctx, strings.Repeat("0", 39)+"1") },
		"a tag":       func() (Commit, error) { return r.Branch(ctx, "dev2") },
		"an option":   func() (Commit, error) { return r.Branch(ctx, "--all") },
		"a path":      func() (Commit, error) { return r.Commit(ctx, "refs/heads/../tags/dev1") },
		"an upper":    func() (Commit, error) { return r.Reachable(ctx, "HEAD") },
		"too short":   func() (Commit, error) { return r.Reachable(ctx, other[:6]) },
		"an operator": func() (Commit, error) { return r.Commit(ctx, "refs/heads/master~0") },
	} {
		if c, err := ask(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: got %+v, %v, want ErrNotFound", name, c, err)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("an empty folder is opened as a repository")
	}
}

// exported reads what was exported.
func exported(t *testing.T, r *Repo, sha, under string) (map[string]string, Exported, error) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	done, err := r.Export(t.Context(), sha, under, root)
	got := map[string]string{}
	walkErr := filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(at)
		info, _ := e.Info()
		rel, _ := filepath.Rel(dir, at)
		got[rel] = fmt.Sprintf("%o %s", info.Mode().Perm(), text)
		return err
	})
	if walkErr != nil {
		t.Fatal(walkErr)
	}
	return got, done, err
}

func TestAnExportIsTheExactBytes(t *testing.T) {
	dir, r := newRepo(t)
	binary := "\x00\xff\r\n$Format:%H$\nmissing\n"
	sha := commitFiles(t, dir, "dev1", "UP", map[string]string{
		".gitattributes":     "* text eol=crlf export-subst\nsrc/left.lua export-ignore\n",
		"src/.gitattributes": "* export-subst filter=evil\n",
		"src/main.lua":       "a\nb $Format:%H$\n",
		"src/left.lua":       "left",
		"src/deep/x/bin":     binary,
		"src/empty":          "",
		"src/ä \"q\" $(id)":  "odd",
		"srcs/no":            "no",
		"docs/no":            "no",
	})
	want := map[string]string{
		".gitattributes": "444 * export-subst filter=evil\n",
		"main.lua":       "444 a\nb $Format:%H$\n", "left.lua": "444 left", "deep/x/bin": "444 " + binary, "empty": "444 ",
		"ä \"q\" $(id)": "444 odd",
	}
	got, done, err := exported(t, r, sha, "src")
	if diff := cmp.Diff(got, want); err != nil || diff != "" || done.Files != 6 {
		t.Errorf("got %+v, %v\n%s", done, err, diff)
	}
	if got, _, err := exported(t, r, sha, ""); err != nil || len(got) != 9 {
		t.Errorf("the whole: got %d files, %v, want 9", len(got), err)
	}
	if got, _, err := exported(t, r, sha, "nothing"); err != nil || len(got) != 0 {
		t.Errorf("nothing: got %v, %v", got, err)
	}
	if text, err := r.ReadFile(t.Context(), sha, "src/deep/x/bin", 1000); err != nil || string(text) != binary {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := r.ReadFile(t.Context(), sha, "src/deep/x/bin", 3); err == nil {
		t.Error("a file over the limit is read")
	}
	for _, name := range []string{"src/none", "src", "src/main.lua/x"} {
		if _, err := r.ReadFile(t.Context(), sha, name, 1000); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
}

func TestHostileTreesAreRefusedWithThePath(t *testing.T) {
	dir, r := newRepo(t)
	blob := git(t, dir, "text", "hash-object", "-w", "--stdin")
	link := git(t, dir, "/etc/passwd", "hash-object", "-w", "--stdin")
	big := git(t, dir, strings.Repeat("x", MaxFileBytes+1), "hash-object", "-w", "--stdin")
	// A tree is written raw: git mktree refuses some of these itself.
	tree := func(entries ...string) string {
		var b bytes.Buffer
		for _, e := range entries {
			parts := strings.SplitN(e, " ", 3)
			raw := git(t, dir, parts[1], "cat-file", "--batch-check=%(objectname)")
			if raw != parts[1] && parts[0] != "160000" {
				t.Fatalf("no object %s: %s", parts[1], raw)
			}
			b.WriteString(parts[0] + " " + parts[2] + "\x00")
			for i := 0; i < 40; i += 2 {
				var v byte
				fmt.Sscanf(parts[1][i:i+2], "%02x", &v)
				b.WriteByte(v)
			}
		}
		return git(t, dir, b.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
	}
	file := func(name string) string { return "100644 " + blob + " " + name }
	sub := func(tree, name string) string { return "40000 " + tree + " " + name }
	deep := tree(file("x"))
	for range maxDepth {
		deep = tree(sub(deep, "d"))
	}
	for name, c := range map[string]struct{ tree, path string }{
		"dots":           {tree(sub(tree(file("pwned")), "..")), "src/../pwned"},
		"dots in a name": {tree(file("a/../../x")), "src/a/../../x"},
		"one dot":        {tree(sub(tree(file("x")), ".")), "src/./x"},
		"absolute":       {tree(file("/etc/x")), "src//etc/x"},
		"git folder":     {tree(sub(tree(file("hooks")), ".GiT")), "src/.GiT/hooks"},
		"short name":     {tree(file("git~1")), "src/git~1"},
		"newline":        {tree(file("a\nb")), "src/a\nb"},
		"escape":         {tree(file("a\x1b[31m")), "src/a\x1b[31m"},
		"not utf-8":      {tree(file("a\xff")), "src/a\xff"},
		"depth":          {deep, "src/" + strings.Repeat("d/", maxDepth) + "x"},
		"long name":      {tree(file(strings.Repeat("n", 256))), "src/" + strings.Repeat("n", 256)},
		"symlink":        {tree("120000 " + link + " leak.lua"), "src/leak.lua"},
		"submodule":      {tree("160000 " + strings.Repeat("1", 40) + " vendor"), "src/vendor"},
		"case":           {tree(file("A.lua"), file("a.lua")), "src/a.lua"},
		"case of a dir":  {tree(sub(tree(file("x")), "Lib"), sub(tree(file("y")), "lib")), "src/lib/y"},
		"file and dir":   {tree(file("a"), sub(tree(file("x")), "a")), "src/a/x"},
		"twice":          {tree(file("a"), file("a")), "src/a"},
		"big":            {tree("100644 " + big + " big"), "src/big"},
		"odd mode":       {tree("100600 " + blob + " fifo"), ""},
	} {
		sha := git(t, dir, "", "commit-tree", "-m", "UP", tree(sub(c.tree, "src")))
		got, _, err := exported(t, r, sha, "src")
		var refused *RefusedError
		if c.path == "" { // git itself makes it a plain file
			if err != nil || len(got) != 1 {
				t.Errorf("%s: got %v, %v", name, got, err)
			}
			continue
		}
		if !errors.As(err, &refused) || refused.Path != c.path || len(got) != 0 {
			t.Errorf("%s: got %v, %v, want the refusal of %q", name, got, err, c.path)
		}
	}
	for name, root := range map[string]string{"a file": tree(file("src")), "a link": tree("120000 " + link + " src")} {
		sha := git(t, dir, "", "commit-tree", "-m", "UP", root)
		if got, _, err := exported(t, r, sha, "src"); len(got) != 0 {
			t.Errorf("src is %s: got %v, %v", name, got, err)
		}
	}
	if oneTooMany() == nil {
		t.Error("20,001 files are let through")
	}
}

// oneTooMany lists one file too many.
func oneTooMany() error {
	var b strings.Builder
	for i := range MaxFiles + 1 {
		fmt.Fprintf(&b, "100644 blob %040d       1\tsrc/%d\x00", i, i)
	}
	_, err := checkList([]byte(b.String()), "src")
	return err
}

func TestTheQuarantineOfAPushIsRead(t *testing.T) {
	dir, r := newRepo(t)
	commitFiles(t, dir, "master", "first", map[string]string{"src/a": "a"})
	quarantine := filepath.Join(dir, "objects", "incoming-1")
	if err := os.Mkdir(quarantine, 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"GIT_OBJECT_DIRECTORY=" + quarantine, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + filepath.Join(dir, "objects")}
	tree := git(t, dir, "", "rev-parse", "master^{tree}")
	cmd := exec.Command("git", "commit-tree", "-m", "new", tree)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "GIT_DIR=" + dir, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a",
	}, env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	sha := strings.TrimSpace(string(out))
	if _, err := r.Commit(t.Context(), sha); !errors.Is(err, ErrNotFound) {
		t.Errorf("without the quarantine: got %v, want ErrNotFound", err)
	}
	if got, _, err := exported(t, r.WithEnv(env), sha, "src"); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v, want one file", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Files(ctx, sha, ""); err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}

func TestAnExportSharesTheSameFilesOfAnOlderOne(t *testing.T) {
	dir, r := newRepo(t)
	all := map[string]string{"src/same": "s", "src/dir/same": "s", "src/other": "1", "src/edited": "aaaa", "src/open": "o", "src/link": "l", "src/gone": "g", "src/long": strings.Repeat("x", 200<<10)}
	one := commitFiles(t, dir, "dev1", "UP", all)
	all["src/other"], all["src/new/a"] = "2", "n"
	delete(all, "src/gone")
	two := commitFiles(t, dir, "dev1", "UP", all)
	into := t.TempDir()
	tree := func(name, sha string, like *os.Root) *os.Root {
		t.Helper()
		if err := os.Mkdir(filepath.Join(into, name), 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(filepath.Join(into, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { root.Close() })
		if done, err := r.ExportLike(t.Context(), sha, "src", root, like); err != nil || done.Files != len(all) && like != nil {
			t.Fatalf("got %+v, %v", done, err)
		}
		return root
	}
	first := tree("1", one, nil)
	at := func(name string) string { return filepath.Join(into, name) }
	// What a hand may have done to the older one, each so that it looks the same.
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(at("1/edited"), 0o644), os.WriteFile(at("1/edited"), []byte("bbbb"), 0o644), os.Chmod(at("1/edited"), 0o444))
	must(os.Chmod(at("1/open"), 0o644))
	must(os.WriteFile(at("l"), []byte("l"), 0o444), os.Remove(at("1/link")), os.Symlink(at("l"), at("1/link")))
	second := tree("2", two, first)
	for name, shared := range map[string]bool{"same": true, "dir/same": true, "long": true, "other": false, "edited": false, "open": false, "link": false} {
		a, errA := os.Stat(at("1/" + name))
		b, errB := os.Lstat(at("2/" + name))
		must(errA, errB)
		if os.SameFile(a, b) != shared || b.Mode() != 0o444 {
			t.Errorf("%s: shared is %t, want %t, with the mode %s", name, !shared, shared, b.Mode())
		}
	}
	for name, text := range all {
		got, err := second.ReadFile(strings.TrimPrefix(name, "src/"))
		if err != nil || string(got) != text {
			t.Errorf("%s: got %.20q, %v, want %.20q", name, got, err, text)
		}
	}
	if _, err := os.Stat(at("2/gone")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is not in the commit is there: %v", err)
	}
}

// Export and switch of a thousand files should take less than 100 ms.
func BenchmarkExportAndSwitchOfAThousandFiles(b *testing.B) {
	dir, r := newRepo(b)
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("src/d%d/e%d/f%d.lua", i%10, i%50, i)] = strings.Repeat("-- a line of Lua\n", 100)
	}
	sha := commitFiles(b, dir, "master", "UP", files)
	into := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		release := filepath.Join(into, fmt.Sprint(n))
		if err := os.Mkdir(release, 0o755); err != nil {
			b.Fatal(err)
		}
		root, err := os.OpenRoot(release)
		if err != nil {
			b.Fatal(err)
		}
		if done, err := r.Export(b.Context(), sha, "src", root); err != nil || done.Files != 1000 {
			b.Fatal(done, err)
		}
		root.Close()
		if err := os.Symlink(release, filepath.Join(into, "new")); err != nil {
			b.Fatal(err)
		}
		if err := os.Rename(filepath.Join(into, "new"), filepath.Join(into, "src")); err != nil {
			b.Fatal(err)
		}
	}
}
