package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/cmd/tagtail/archive"
	"github.com/tagtail/tagtail/index"
)

// The folders of a backup.
const (
	backupLogs   = "logs/"   // the store
	backupData   = "data/"   // what is beside it in the data folder
	backupGit    = "git/"    // the repositories
	backupConfig = "config/" // what is not put back: it says where the others go
)

// notInBackup are names in the data folder that are made again, or are of one run
// of the server; logs and the accounts have ways of their own.
var notInBackup = []string{"logs", "accounts.db", clientFile, "forward", "serverctrl"}

func newBackupCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:   "backup FOLDER|FILE.tar|-",
		Short: "Copy everything that is kept: entries, accounts, releases, repositories, configuration",
		Long: "Copies everything that a server keeps, while it goes on: what was stored before is in the\n" +
			"backup. Into a folder only what is new since the last backup there is copied; the last one\n" +
			"stays whole until the new one is. FILE.tar, or - for standard output, gets all of it.\n" +
			"What can be made again, such as the word indexes, is left out. tagtail restore brings it back.",
		Example: "  tagtail backup /mnt/backup/tagtail\n  tagtail backup - | ssh elsewhere 'cat >tagtail.tar'",
		Args:    oneArg("backup takes one folder or file, as in: tagtail backup /mnt/backup/tagtail"),
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := at.backupSource(cmd, std)
			if err != nil {
				return err
			}
			return errors.Join(runBackup(cmd.Context(), source, args[0], std), source.close())
		},
	}
	at.add(cmd)
	return cmd
}

// backupSource is the store on this machine, or a server that has it.
type backupSource struct {
	write func(ctx context.Context, have map[string]int64, w io.Writer) error
	close func() error
}

// backupSource opens the data folder, or finds the server that has it open.
func (f *clientFlags) backupSource(cmd *cobra.Command, std streams) (backupSource, error) {
	a, c, err := f.openStore(cmd, std)
	switch {
	case err != nil:
		return backupSource{}, err
	case a == nil:
		return backupSource{write: c.backup, close: func() error { return nil }}, nil
	}
	write := func(ctx context.Context, have map[string]int64, w io.Writer) error {
		return a.backup(ctx, ownName(), have, w)
	}
	return backupSource{write: write, close: a.store.Close}, nil
}

// backup asks a server for it.
func (c *client) backup(ctx context.Context, have map[string]int64, w io.Writer) error {
	body, err := json.Marshal(map[string]any{"have": have})
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	response, err := c.sendBody(ctx, http.MethodPost, c.api("store/backup", nil), bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, response.Body); err != nil {
		return fmt.Errorf("the backup is not whole, because the server's answer broke off: %w", err)
	}
	return nil
}

func runBackup(ctx context.Context, source backupSource, to string, std streams) error {
	switch {
	case to == "-":
		return source.write(ctx, nil, std.Out)
	case strings.HasSuffix(to, ".tar"):
		return backupToFile(ctx, source, to, std)
	}
	have, err := archive.Have(to)
	if err != nil {
		return err
	}
	from, w := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := source.write(ctx, have, w)
		sent <- err
		_ = w.CloseWithError(err) // never fails
	}()
	saved, err := archive.Save(to, from)
	_ = from.CloseWithError(errors.New("the backup cannot be kept")) // never fails
	if e := <-sent; e != nil && err != nil {
		return e // the other follows from it, or the other way round
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Err, "The backup in %s is whole: %d files, %s, %s of them new.\n", to, len(saved.Fixed)+len(saved.Changing), sizeText(saved.Bytes()), sizeText(saved.New))
	return nil
}

func backupToFile(ctx context.Context, source backupSource, to string, std streams) error {
	file, err := os.OpenFile(to+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make backup: %w", err)
	}
	err = source.write(ctx, nil, file)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		_, err = archive.Each(to+".tmp", nil, func(f archive.File) error { _, err := io.Copy(io.Discard, f.Content); return err })
	}
	if err == nil {
		err = os.Rename(to+".tmp", to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to+".tmp"))
	}
	info, err := os.Stat(to)
	if err != nil {
		return fmt.Errorf("look at backup: %w", err)
	}
	fmt.Fprintf(std.Err, "The backup in %s is whole: %s.\n", to, sizeText(info.Size()))
	return nil
}

// backup writes everything that is kept as a tar.
func (a *app) backup(ctx context.Context, by string, have map[string]int64, w io.Writer) error {
	out := archive.NewWriter(w, version, have)
	report, err := a.store.Backup(ctx, func(f index.BackupFile) error {
		return out.Add(archive.File{Name: backupLogs + f.Name, Size: f.Size, Mode: 0o640, Fixed: f.Fixed, Content: f.Content})
	})
	for _, f := range report.Findings {
		a.logger.Error("block is damaged: it is in the backup as it is", slog.String("finding", f.String()))
	}
	if err == nil {
		err = a.backupData(out)
	}
	if err == nil {
		err = a.backupRepositories(ctx, out)
	}
	if err == nil && a.cfg.File != "" {
		err = addFile(out, a.cfg.File, backupConfig+filepath.Base(a.cfg.File))
	}
	if err == nil {
		err = out.Close()
	}
	data := deployData{{"action", "backup"}, {"user", by}}
	if err != nil {
		a.auditStore("BACKUP", "backup for "+by+" has failed: "+oneLine(err.Error()), index.Err, append(data, [2]string{"result", "failed"}))
		return err
	}
	a.auditStore("BACKUP", fmt.Sprintf("backup for %s: %d files of the store, %s", by, report.Files, sizeText(report.Bytes)), index.Notice, append(data, [2]string{"result", "ok"}))
	return nil
}

// backupData adds what is beside the store in the data folder.
func (a *app) backupData(out *archive.Writer) error {
	if a.server == nil {
		if err := addFile(out, filepath.Join(a.cfg.Data, "accounts.db"), backupData+"accounts.db"); err != nil {
			return err
		}
	} else {
		text, err := a.server.Accounts()
		if err != nil {
			return err
		}
		if err := out.Add(archive.File{Name: backupData + "accounts.db", Size: int64(len(text)), Mode: 0o600, Content: bytes.NewReader(text)}); err != nil {
			return err
		}
	}
	git := a.cfg.repositoriesDir()
	return walkFiles(a.cfg.Data, func(path, name string) error {
		top, _, _ := strings.Cut(name, "/")
		if slices.Contains(notInBackup, top) || strings.HasSuffix(name, ".tmp") || git != "" && strings.HasPrefix(path, git+"/") {
			return nil
		}
		return addFile(out, path, backupData+name)
	})
}

// backupRepositories adds the repositories, each so that what its branches lead
// to is there, though somebody pushes meanwhile: branches before objects, and
// objects until none has moved.
func (a *app) backupRepositories(ctx context.Context, out *archive.Writer) error {
	list, err := a.cfg.repositories()
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := addRepository(out, r.Dir, backupGit+filepath.Base(r.Dir)+"/"); err != nil {
			return err
		}
	}
	return nil
}

// addRepository adds the files of one, listed when it is their turn: what names
// something before that, and what moves after where it has been.
func addRepository(out *archive.Writer, dir, to string) error {
	c := repositoryCopy{out: out, dir: dir, to: to, added: make(map[string]bool)}
	for _, start := range []string{"logs/", "HEAD", "refs/", "packed-refs"} {
		c.add(func(name string) bool { return strings.HasPrefix(name, start) })
	}
	c.add(func(name string) bool { return !strings.HasPrefix(name, "objects/") })
	for c.moved = true; c.moved && c.err == nil; {
		c.moved = false
		c.add(func(name string) bool { return strings.HasPrefix(name, "objects/") && !strings.HasPrefix(name, packs) })
		c.add(func(name string) bool { return strings.HasPrefix(name, packs) })
	}
	return c.err
}

const packs = "objects/pack/"

// repositoryCopy is a repository that is being added.
type repositoryCopy struct {
	out     *archive.Writer
	dir, to string
	added   map[string]bool
	moved   bool // a file was gone when it was its turn
	err     error
}

// add adds the files of which is true that are not there yet.
func (c *repositoryCopy) add(is func(name string) bool) {
	if c.err != nil {
		return
	}
	var names []string
	c.err = walkFiles(c.dir, func(_, name string) error {
		temporary := strings.HasSuffix(name, ".lock") || strings.Contains(name, "tmp_") || strings.Contains(name, "incoming-")
		if is(name) && !c.added[name] && !temporary {
			names = append(names, name)
		}
		return nil
	})
	for _, name := range names {
		err := addFile(c.out, filepath.Join(c.dir, filepath.FromSlash(name)), c.to+name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.moved = true
		case err != nil:
			c.err = err
			return
		default:
			c.added[name] = true
		}
	}
}

// walkFiles calls visit for the regular files below dir, with their names there.
func walkFiles(dir string, visit func(path, name string) error) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has gone meanwhile
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return visit(path, filepath.ToSlash(name))
	})
}

// addFile adds a file as it is now.
func addFile(out *archive.Writer, path, name string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read for the backup: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(file)       // it may grow
	if err != nil {
		return fmt.Errorf("read for the backup: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read for the backup: %w", err)
	}
	return out.Add(archive.File{Name: name, Size: int64(len(text)), Mode: info.Mode().Perm(), Content: bytes.NewReader(text)})
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	size, unit := float64(n)/1000, 0
	for size >= 999.5 {
		size, unit = size/1000, unit+1
	}
	return fmt.Sprintf("%.3g %cB", size, units[unit])
}
