package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tagtail/tagtail"

type listedPackage struct {
	ImportPath string
	Name       string
	Doc        string
	Deps       []string
	Imports    []string
}

// listPackages asks the go command for every package of the module.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Deps,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestImportArrowsPointOneWay(t *testing.T) {
	allowed := map[string][]string{
		"cmd":    {"cmd", "index", "ingest", "viewer", "static", "deploy", "docs"},
		"index":  {"index"},
		"ingest": {"ingest", "index"},
		"viewer": {"viewer", "index", "deploy", "static"},
		"static": {"static"},
		"deploy": {"deploy"},
		"docs":   {"docs"},
		// Support of tests, which none of the others has in its program.
		"internal": {"internal"},
	}
	for _, p := range listPackages(t) {
		from := topFolder(p.ImportPath)
		rules, ok := allowed[from]
		if !ok {
			t.Errorf("%s is in the folder %q, which no rule names", p.ImportPath, from)
			continue
		}
		for _, dep := range p.Deps {
			if to := topFolder(dep); to != "" && !slices.Contains(rules, to) {
				t.Errorf("%s depends on %s: %s may only depend on %v", p.ImportPath, dep, from, rules)
			}
		}
	}
}

func TestOnlyOnePackageImportsBleve(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.ImportPath == module+"/index/internal/blockindex" {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "github.com/blevesearch/") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range listPackages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("the document of %s begins %q, want %q", p.ImportPath, p.Doc, want)
		}
	}
}

// topFolder is the folder at the top of the module that holds the package, or
// nothing for packages of others.
func topFolder(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	folder, _, _ := strings.Cut(rest, "/")
	return folder
}
