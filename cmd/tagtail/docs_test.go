package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docBlock is a block of a document that is no prose: fenced, or indented lines
// up to an empty one.
type docBlock struct {
	file, section string
	line          int    // its first
	language      string // of a fence
	lines         []string
}

func (b docBlock) String() string { return fmt.Sprintf("%s:%d", b.file, b.line) }

// documents are those with commands, by their names in the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"README.md", "docs/*.md", "deploy/openresty/*.md", "deploy/seed/samples/*/README.md"} {
		found, err := filepath.Glob("../../" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d documents, %v", pattern, len(found), err)
		}
		for _, path := range found {
			out = append(out, strings.TrimPrefix(path, "../../"))
		}
	}
	return out
}

// readDocument returns a document's text and its blocks.
func readDocument(t *testing.T, file string) (text string, blocks []docBlock) {
	t.Helper()
	raw, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	var prose strings.Builder
	section, fenced := "", false
	var b *docBlock
	end := func() {
		if b != nil {
			blocks = append(blocks, *b)
			b = nil
		}
	}
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		line = strings.TrimRight(line, "\n")
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		indented, isIndented := strings.CutPrefix(line, "    ")
		switch {
		case fence && !fenced:
			end()
			fenced, b = true, &docBlock{file: file, section: section, line: n + 1, language: language}
		case fence:
			fenced = false
			end()
		case fenced:
			b.lines = append(b.lines, line)
		case isIndented && strings.TrimSpace(line) != "":
			if b == nil {
				b = &docBlock{file: file, section: section, line: n}
			}
			b.lines = append(b.lines, indented)
		default:
			end()
			if title, ok := strings.CutPrefix(line, "## "); ok {
				section = title
			}
			prose.WriteString(line + "\n")
		}
	}
	end()
	return prose.String(), blocks
}

// docPrograms are the words that commands of the documents begin with.
var docPrograms = []string{
	"tagtail", "bin/tagtail", "make", "git", "logger", "curl", "grep", "rm", "export", "sysctl", "ss",
	"systemctl", "journalctl", "useradd", "cp", "install", "for", "ssh", "apt-get",
}

// docCommand is a command with what is said of it behind two blanks or a #.
type docCommand struct {
	block docBlock
	text  string
	about string
}

var docComment = regexp.MustCompile(`^((?:'[^']*'|"[^"]*"|\\.|[^'"\\])*?)(?:\s{2,}|\s+#\s+)(\S.*)$`)

// commands are those of the block; nil if it is something else. After a first
// line with a prompt, those without are what the commands print.
func (b docBlock) commands() []docCommand {
	var out []docCommand
	prompted := strings.HasPrefix(b.lines[0], "$ ")
	for _, line := range b.lines {
		line, prompt := strings.CutPrefix(line, "$ ")
		if prompted && !prompt {
			continue
		}
		c := docCommand{block: b, text: strings.TrimSpace(line)}
		if m := docComment.FindStringSubmatch(line); m != nil {
			c.text, c.about = strings.TrimSpace(m[1]), m[2]
		}
		if first, _, _ := strings.Cut(c.text, " "); !slices.Contains(docPrograms, first) {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// isSynopsis tells whether it is the README's list of commands.
func (b docBlock) isSynopsis() bool { return b.file == "README.md" && b.section == "Commands" }

// isYAML tells whether the block is of a configuration.
func (b docBlock) isYAML() bool {
	if b.language != "" {
		return b.language == "yaml" && b.sample() == ""
	}
	return regexp.MustCompile(`^[a-z_]+:( |$)`).MatchString(b.lines[0])
}

// docSamples are blocks that are neither commands nor configuration, by the
// beginning of their first line, and what they are.
var docSamples = map[string]string{
	"docs/DESIGN.md: nginx, Lua, Redis":                              "a drawing",
	"docs/configuration.md: POST /api/v1/ingest":                     "a request: docs/api.md has it as a command",
	"docs/deploy.md: restrict,command=":                              "a line of authorized_keys: ssh_test.go has it",
	"docs/deploy.md: #!/bin/sh":                                      "a hook: ssh_test.go has it",
	"docs/identity.md: <134>1":                                       "a message",
	"docs/migrating.md: *.* action(":                                 "rsyslog's configuration: startRsyslog runs it",
	"docs/migrating.md: destination d_tagtail":                       "syslog-ng's configuration, which cannot be installed beside rsyslog",
	"docs/metrics.md: scrape_configs":                                "Prometheus' configuration",
	"docs/operating.md: [Service]":                                   "a part of a unit",
	"docs/operating.md: net.core.rmem_max":                           "settings of the kernel",
	"docs/proxy.md: map $http_upgrade":                               "nginx's configuration: proxy_test.go runs it",
	"docs/rules.md: 10-hhl.conf":                                     "what tagtail check says",
	"docs/rules.md: :programname, isequal":                           "rsyslog's rules: ingest/rules reads such",
	"docs/rules.md: # What the hooks":                                "rsyslog's rules: ingest/rules/script/docs_test.go reads them",
	"deploy/openresty/README.md: lua_package_path":                   "nginx's configuration: ingest/openresty_test.go has it",
	"deploy/openresty/README.md: init_by_lua_block":                  "the same",
	"deploy/openresty/README.md: require(\"resty.tagtail\")":         "Lua: the same",
	"deploy/seed/samples/code/README.md: UP             your branch": "first lines of commits",
}

// sample is the key of docSamples that fits, or nothing.
func (b docBlock) sample() string {
	for key := range docSamples {
		if strings.HasPrefix(b.file+": "+b.lines[0], key) {
			return key
		}
	}
	return ""
}

// TestEveryBlockOfTheDocumentsIsKnown finds blocks that no test of this file
// would look at.
func TestEveryBlockOfTheDocumentsIsKnown(t *testing.T) {
	used := map[string]bool{}
	for _, file := range documents(t) {
		if file == "docs/query-language.md" {
			continue // its blocks are queries: a test of index reads them
		}
		_, blocks := readDocument(t, file)
		for _, b := range blocks {
			if b.commands() != nil || b.isYAML() {
				continue
			}
			key := b.sample()
			if used[key] = true; key == "" {
				t.Errorf("%s is neither a command (docPrograms), nor YAML, nor in docSamples: %q", b, b.lines[0])
			}
		}
	}
	for sample := range docSamples {
		if !used[sample] {
			t.Errorf("docSamples has %q, which is in no document", sample)
		}
	}
}

// TestConfigurationsOfTheDocumentsLoad gives each block of YAML to serve's own
// reader.
func TestConfigurationsOfTheDocumentsLoad(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "serverctrl"), 0o755); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, filepath.Join(dir, "rsyslog.d", "10.conf"), "local5.* /dev/null\n")
	mustWrite(t, filepath.Join(dir, "oidc-secret"), "secret\n")
	stand := strings.NewReplacer("/etc/tagtail", dir, "/srv/serverctrl", dir+"/serverctrl", "/var/lib/tagtail", dir, "/etc/rsyslog.d", dir+"/rsyslog.d")
	for _, file := range documents(t) {
		_, blocks := readDocument(t, file)
		for _, b := range blocks {
			if !b.isYAML() || b.commands() != nil {
				continue
			}
			path := filepath.Join(dir, "tagtail.yaml")
			mustWrite(t, path, stand.Replace(strings.Join(b.lines, "\n")+"\n"))
			cfg, err := loadConfig(parseFlags(t, "--config", path), environment(nil))
			if err != nil {
				t.Errorf("%s: %v", b, err)
				continue
			}
			instances, problems, err := cfg.instances()
			if err != nil || len(problems) > 0 {
				t.Errorf("%s: %v %v", b, err, problems)
				continue
			}
			inputs := cfg.ingestConfig(instances)
			if err := inputs.Validate(); err != nil && !strings.Contains(err.Error(), "no such file") {
				t.Errorf("%s: %v", b, err)
			}
		}
	}
}

var docCode = regexp.MustCompile("`([^`\n]+)`")

// TestCommandsInTheDocumentsExist looks every command up, those in sentences
// too: tagtail's with their flags, and the targets of make.
func TestCommandsInTheDocumentsExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range documents(t) {
		prose, blocks := readDocument(t, file)
		type shown struct{ place, text string }
		var commands []shown
		for _, m := range docCode.FindAllStringSubmatch(prose, -1) {
			commands = append(commands, shown{file, m[1]})
		}
		for _, b := range blocks {
			if b.isSynopsis() {
				continue // TestTheREADMEListsEveryCommand
			}
			for _, c := range b.commands() {
				commands = append(commands, shown{b.String(), c.text})
			}
		}
		for _, c := range commands {
			for _, words := range simpleCommands(c.text) {
				switch filepath.Base(words[0]) {
				case "tagtail":
					if err := checkCommandLine(words[1:]); err != nil {
						t.Errorf("%s: %s: %v", c.place, c.text, err)
					}
				case "make":
					for _, target := range words[1:] {
						if !strings.Contains(target, "=") && !strings.Contains(string(makefile), "\n"+target+":") {
							t.Errorf("%s: there is no make %s", c.place, target)
						}
					}
				}
			}
		}
	}
}

// simpleCommands splits a line of the shell into commands and these into words,
// as far as the documents need it.
func simpleCommands(line string) [][]string {
	var out [][]string
	var words []string
	word, quote, started := "", rune(0), false
	endWord := func() {
		if started {
			words = append(words, word)
		}
		word, started = "", false
	}
	endCommand := func() {
		endWord()
		for len(words) > 0 && regexp.MustCompile(`^([A-Z_]+=.*|sudo|do|then|exec|\$)$`).MatchString(words[0]) {
			words = words[1:]
		}
		if len(words) > 0 {
			out = append(out, words)
		}
		words = nil
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ':
			endWord()
		case strings.ContainsRune(";&|()", r):
			endCommand()
		default:
			word, started = word+string(r), true
		}
	}
	endCommand()
	return out
}

// checkCommandLine says whether there is such a command of tagtail with such
// flags. Words in capitals stand for what a person puts there.
func checkCommandLine(args []string) error {
	args = slices.DeleteFunc(slices.Clone(args), func(word string) bool {
		return word == "…" || strings.HasPrefix(word, "[") || strings.HasPrefix(word, "<") || strings.HasPrefix(word, ">")
	})
	root := newRootCommand(streams{})
	root.InitDefaultCompletionCmd()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if cmd == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("there is no command %q", args[0])
	}
	cmd.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	if err := cmd.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") {
		return err
	}
	if cmd.HasSubCommands() && cmd.HasParent() && cmd.Flags().NArg() > 0 {
		return fmt.Errorf("%s has no command %q", cmd.Name(), cmd.Flags().Arg(0))
	}
	return nil
}

// TestTheREADMEListsEveryCommand compares its list with the program.
func TestTheREADMEListsEveryCommand(t *testing.T) {
	_, blocks := readDocument(t, "README.md")
	var listed []string
	for _, b := range blocks {
		if !b.isSynopsis() {
			continue
		}
		for _, line := range b.lines {
			names, _, _ := strings.Cut(strings.TrimPrefix(line, "tagtail "), "  ")
			for name := range strings.SplitSeq(names, ", ") {
				name, _, _ = strings.Cut(name, " ")
				listed = append(listed, name)
			}
		}
	}
	root := newRootCommand(streams{})
	for _, name := range listed {
		if cmd, _, err := root.Find([]string{name}); err != nil || cmd == root {
			t.Errorf("README.md lists tagtail %s, which there is not", name)
		}
	}
	for _, cmd := range root.Commands() {
		if !cmd.Hidden && cmd.Name() != "version" && !slices.Contains(listed, cmd.Name()) {
			t.Errorf("README.md does not list tagtail %s", cmd.Name())
		}
	}
}

var docLink = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)

// TestLinksOfTheDocumentsLeadSomewhere follows those within the repository, to
// the heading.
func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	for _, file := range documents(t) {
		prose, _ := readDocument(t, file)
		for _, m := range docLink.FindAllStringSubmatch(prose, -1) {
			target := m[1] + m[2]
			if strings.Contains(target, "://") {
				continue
			}
			path, heading, _ := strings.Cut(target, "#")
			full := filepath.Join("../../", filepath.Dir(file), path)
			if path == "" {
				full = filepath.Join("../../", file)
			}
			text, err := os.ReadFile(full)
			if info, failed := os.Stat(full); failed == nil && info.IsDir() {
				continue
			}
			if err != nil {
				t.Errorf("%s: %s leads nowhere", file, target)
				continue
			}
			if heading != "" && !slices.Contains(headings(string(text)), heading) {
				t.Errorf("%s: %s has no such heading", file, target)
			}
		}
	}
}

// headings are the anchors of a document.
func headings(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			out = append(out, headingAnchor(strings.TrimSpace(title)))
		}
	}
	return out
}

func headingAnchor(title string) string {
	title = strings.ToLower(regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(title, ""))
	return strings.ReplaceAll(title, " ", "-")
}

// TestSentencesOfTroubleshootingAreThoseOfTheProgram looks each up among the
// texts of the sources, in which … stands for what differs.
func TestSentencesOfTroubleshootingAreThoseOfTheProgram(t *testing.T) {
	texts := programTexts(t)
	raw, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	says, n := false, 0
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "|") {
			says = false
		}
		if says = says || strings.HasPrefix(line, "| it says |"); !says {
			continue
		}
		first, _, _ := strings.Cut(line[1:], "|")
		for _, m := range docCode.FindAllStringSubmatch(first, -1) {
			n++
			parts := strings.Split(m[1], "…")
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			sentence := regexp.MustCompile(strings.Join(parts, "%[^ ]*"))
			if !slices.ContainsFunc(texts, sentence.MatchString) {
				t.Errorf("no source of the program says %q", m[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("%d sentences were found", n)
	}
}

// programTexts are the texts in quotes of the program's sources.
func programTexts(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir() && entry.Name() != "node_modules":
			return err
		case entry.IsDir():
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			return nil
		case strings.HasSuffix(path, ".js"):
			text, err := os.ReadFile(path)
			for _, m := range regexp.MustCompile(`'([^'\n]*)'`).FindAllStringSubmatch(string(text), -1) {
				out = append(out, m[1])
			}
			return err
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				if value, err := strconv.Unquote(text.Value); err == nil {
					out = append(out, value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSizesInOperatingAreThoseMeasured compares its table with the benchmarks'.
func TestSizesInOperatingAreThoseMeasured(t *testing.T) {
	row := func(file, first string) []string {
		raw, err := os.ReadFile("../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			if cells := strings.Split(line, "|"); len(cells) > 2 && strings.TrimSpace(cells[1]) == first {
				for i := range cells {
					cells[i] = strings.TrimSpace(cells[i])
				}
				return cells[2:]
			}
		}
		t.Fatalf("%s has no row %q", file, first)
		return nil
	}
	for here, there := range map[string]string{
		"nginx's debug log": "nginx-debug, tagtail", "nginx, Redis, Lua, Python, mixed": "mixed, tagtail",
		"ten ids a line that never come again": "ids, tagtail",
	} {
		of := row("BENCHMARKS.md", there)
		seconds, err := strconv.ParseFloat(of[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{of[1], of[4] + " MB", fmt.Sprintf("%.1f s", seconds), of[5] + " MB"}
		if got := row("operating.md", here)[:4]; !slices.Equal(got, want) {
			t.Errorf("%s is %q, and %q were measured", here, got, want)
		}
	}
}
