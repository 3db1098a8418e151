package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/cmd/tagtail/archive"
	"github.com/tagtail/tagtail/index"
)

func newRestoreCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FOLDER|FILE.tar|-",
		Short: "Bring back what tagtail backup has copied, into an empty data folder",
		Long: "Puts a backup into the data folder and the folder of the repositories that the configuration\n" +
			"names, which must be empty or missing, makes the word indexes again, and compares every\n" +
			"checksum. The configuration itself is in the backup as config/tagtail.yaml; put that in its\n" +
			"place first. What the instances have on the disk comes back with the next deploy.",
		Example: "  tagtail restore /mnt/backup/tagtail --config /etc/tagtail/tagtail.yaml",
		Args:    oneArg("restore takes one folder or file, as in: tagtail restore /mnt/backup/tagtail"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return cfg.restore(cmd, args[0], std)
		},
	}
	addServeFlags(cmd)
	return cmd
}

func (c *config) restore(cmd *cobra.Command, from string, std streams) error {
	logs, err := c.indexConfig(slog.New(slog.NewTextHandler(std.Err, nil)))
	if err != nil {
		return err
	}
	git := c.repositoriesDir()
	if err := wantEmpty(c.Data); err != nil {
		return err
	}
	if git != "" && !strings.HasPrefix(git, c.Data+"/") {
		if err := wantEmpty(git); err != nil {
			return err
		}
	}
	m, err := c.putBack(from, logs.Dir, git, std)
	if err != nil {
		return errors.Join(err, removeContent(c.Data), removeContent(git)) // they were empty
	}
	bar := newProgressBar(std.Err)
	err = index.Rebuild(cmd.Context(), logs, bar.show)
	bar.end()
	if err != nil {
		return err
	}
	report, err := index.Verify(cmd.Context(), logs, bar.show)
	bar.end()
	for _, f := range report.Findings {
		fmt.Fprintln(std.Out, f)
	}
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Err, "%s is as it was on %s: %d entries in %d blocks.\n", c.Data, m.Made.Format("2006-01-02 15:04:05 MST"), report.Entries, report.Blocks)
	return nil
}

// putBack puts the files of a backup into their places.
func (c *config) putBack(from, logs, git string, std streams) (*archive.Manifest, error) {
	leftOut := 0
	m, err := archive.Each(from, std.In, func(f archive.File) error {
		top, name, _ := strings.Cut(f.Name, "/")
		switch dir := map[string]string{backupLogs: logs, backupData: c.Data, backupGit: git}[top+"/"]; {
		case dir != "":
			return archive.Put(dir, name, f)
		case top+"/" == backupGit:
			leftOut++
		}
		return nil
	})
	if leftOut > 0 && err == nil {
		fmt.Fprintln(std.Err, "The repositories stay in the backup, because the configuration names no folder for them (repositories).")
	}
	return m, err
}

// removeContent empties a folder; "" is none.
func removeContent(dir string) error {
	if dir == "" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// wantEmpty tells that there is something in a folder.
func wantEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty (%s): a backup is put only where it writes over nothing; move the folder away first", dir, filepath.Join(dir, entries[0].Name()))
	}
	return nil
}
