package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/tagtail/tagtail/deploy"
)

// checkReadable tells if the instances' code cannot be read by those who run it:
// nginx's workers are the user nobody when its master is root's. A service then
// answers with 403 or 503, which hints at anything but its folder.
func (c *config) checkReadable(uid int) error {
	if uid != 0 || c.RunAs != "" && c.RunAs != "root" {
		return nil
	}
	root, err := filepath.Abs(c.layoutRoot())
	if err != nil {
		return fmt.Errorf("find folder of the instances: %w", err)
	}
	for dir := root; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("nginx's workers, which run as nobody, cannot read code below %s: run chmod o+x %s, or keep the instances elsewhere (root in the configuration)", dir, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func hasNginx(instances []deploy.Instance) bool {
	return slices.ContainsFunc(instances, func(in deploy.Instance) bool { return in.Kind == deploy.Nginx })
}
