package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy/seed"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// configName is the file of a new root.
const configName = "tagtail.yaml"

// newRoot is what tagtail init makes.
type newRoot struct {
	dir    string
	owners []string
}

func newInitCommand(std streams) *cobra.Command {
	var root newRoot
	cmd := &cobra.Command{
		Use:   "init FOLDER",
		Short: "Make a new root: repositories, sample templates, developers",
		Long: "Make a folder with a configuration, repositories for the code of three OpenResty servers, for\n" +
			"their templates and Redis's, and for a shared library, and a token for each developer and\n" +
			"for an administrator, boss. What is there already stays as it is.",
		Example: "  tagtail init /srv/tagtail --developers alice,bob\n  tagtail serve --config /srv/tagtail/tagtail.yaml",
		Args:    oneArg("init takes the folder to make, as in: tagtail init /srv/tagtail"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if root.dir, err = filepath.Abs(args[0]); err != nil {
				return fmt.Errorf("find folder: %w", err)
			}
			return root.make(cmd.Context(), std)
		},
	}
	cmd.Flags().StringSliceVar(&root.owners, "developers", []string{"dev1", "dev2", "dev3", "dev4"}, "`names` of the developers, which are their branches too")
	return cmd
}

// sampleConfig is the configuration of a new root; its paths are below it.
const sampleConfig = `# Tagtail's configuration; docs/configuration.md has every key.
data: data
# Address of the page and of the repositories.
http: 127.0.0.1:8514
# Bare repositories: serverctrl, lib, and the code of each service.
repositories: git
# Instances run in ROOT/SERVICE/DEVELOPER, Redis in its own folder.
root: instances
redis_root: redis
# A page of each service that has to answer after a deploy. With
# auto_rollback: true a deploy that fails is taken back at once.
deploys:
  socketserver: {health: /hhl}
  dtserver: {health: /dt}
  httpserver: {health: /}
`

func (r newRoot) make(ctx context.Context, std streams) error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil { // what is secret in it has its own mode
		return fmt.Errorf("make folder: %w", err)
	}
	made, err := seed.Make(ctx, filepath.Join(r.dir, "git"), seed.Config{Owners: r.owners})
	if err != nil {
		return err
	}
	say := func(state, format string, args ...any) {
		fmt.Fprintf(std.Err, "  %-7s %s\n", state, fmt.Sprintf(format, args...))
	}
	for _, m := range made {
		say(stateOf(m.New), "repository git/%s.git", m.Name)
	}
	isNew, err := writeNew(filepath.Join(r.dir, configName), sampleConfig)
	if err != nil {
		return err
	}
	say(stateOf(isNew), "configuration %s", configName)
	cfg := defaultConfig()
	if err := cfg.readFile(filepath.Join(r.dir, configName)); err != nil {
		return err
	}
	for _, dir := range []string{cfg.Data, cfg.Root, filepath.Join(cfg.RedisRoot, "etc"), filepath.Join(cfg.RedisRoot, "var")} {
		if dir == "" {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	if err := cfg.prepareRepositories(ctx); err != nil {
		return err
	}
	secrets, err := r.addTokens(filepath.Join(cfg.Data, accountsName))
	if err != nil {
		return err
	}
	if len(secrets) > 0 {
		fmt.Fprintf(std.Err, "\nTokens, git's passwords, shown only now:\n")
	}
	for _, secret := range secrets {
		fmt.Fprintf(std.Out, "%s %s\n", secret[0], secret[1])
	}
	r.sayNext(std, cfg)
	return nil
}

func stateOf(isNew bool) string {
	if isNew {
		return "made"
	}
	return "kept"
}

// writeNew writes a file unless it is there.
func writeNew(path, text string) (isNew bool, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write configuration: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("write configuration: %w", err)
	}
	return true, nil
}

// accountsName is the file of the data folder that holds sessions and tokens.
const accountsName = "accounts.db"

// administrator is the person whose token may push everything.
const administrator = "boss"

// addTokens makes an account and a token for everybody who has none, and gives
// names and secrets.
func (r newRoot) addTokens(path string) (secrets [][2]string, err error) {
	people, err := openPeople(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, people.close()) }()
	list, err := people.tokens.List()
	if err != nil {
		return nil, err
	}
	for _, owner := range append(slices.Clone(r.owners), administrator) {
		if slices.ContainsFunc(list, func(t tokens.Token) bool { return t.Owner == owner }) {
			continue
		}
		role := accounts.Developer
		if owner == administrator {
			role = accounts.Admin
		}
		secret, err := people.add(owner, role, "tagtail init")
		if err != nil {
			return secrets, err
		}
		secrets = append(secrets, [2]string{owner, secret})
	}
	return secrets, nil
}

// sayNext says what to do with it.
func (r newRoot) sayNext(std streams, cfg config) {
	file := filepath.Join(r.dir, configName)
	owner := r.owners[0]
	fmt.Fprintf(std.Err, `
Next:
  tagtail serve --config %[1]s
  git clone -b %[2]s http://%[2]s@%[3]s/git/serverctrl.git
      there, git commit --allow-empty -m start && git push      starts %[2]s's servers
  git clone -b %[2]s http://%[2]s@%[3]s/git/socketserver.git
      there, git commit --allow-empty -m UP && git push         deploys %[2]s's code
  tagtail token add NAME --config %[1]s
      makes a token for somebody else
Git asks for a password: that is the token. Templates and values are on serverctrl's master, which %[4]s pushes.
`, file, owner, cfg.HTTP, administrator)
	if err := cfg.checkReadable(os.Getuid()); err != nil {
		fmt.Fprintf(std.Err, "Before that: %v.\n", err)
	}
}
