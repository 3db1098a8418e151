package main

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingsSource has the comments of what can be configured.
//
//go:embed config.go oidc.go redact.go retention.go
var settingsSource embed.FS

//go:generate go test -run TestTheReferenceOfKeysIsThatOfTheCode . -update

// setting is a key of the configuration file.
type setting struct {
	Key     string
	Type    string
	Flag    string // without dashes; empty if it has none
	Default string // Markdown; empty if nothing is set
	About   string // Markdown: what it is, a phrase without its period
	Keys    []setting
}

// settings are all keys, in the order of config.
func settings() ([]setting, error) {
	about, err := readSettingsSource()
	if err != nil {
		return nil, err
	}
	c := defaultConfig()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.addFlags(flags)
	keys, err := settingsOf(reflect.TypeFor[config](), about)
	if err != nil {
		return nil, err
	}
	values := keysOf(reflect.ValueOf(c))
	for i := range keys {
		s := &keys[i]
		if flag := flags.Lookup(strings.ReplaceAll(s.Key, "_", "-")); flag != nil {
			s.Flag = flag.Name
		}
		if v := values[s.Key]; v.Kind() == reflect.String && v.String() != "" {
			s.Default = "`" + v.String() + "`"
		}
	}
	return keys, nil
}

// settingsOf are the keys of a struct.
func settingsOf(t reflect.Type, about map[string]string) ([]setting, error) {
	var out []setting
	for _, field := range reflect.VisibleFields(t) {
		key := field.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		s := setting{Key: key, Type: typeName(field.Type)}
		text := about[t.Name()+"."+field.Name]
		rest, ok := strings.CutPrefix(text, field.Name+" is ")
		if !ok {
			rest, ok = strings.CutPrefix(text, field.Name+" are ")
		}
		if !ok {
			return nil, fmt.Errorf("the comment of %s.%s does not say what it is: %q", t.Name(), field.Name, text)
		}
		s.About, s.Default, _ = strings.Cut(rest, " Default: ")
		s.About, s.Default = strings.TrimSuffix(s.About, "."), strings.TrimSuffix(s.Default, ".")
		if below := structOf(field.Type); below != nil {
			var err error
			if s.Keys, err = settingsOf(below, about); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// keysOf are the values of a struct by their keys.
func keysOf(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if key := field.Tag.Get("yaml"); key != "" && key != "-" {
			out[key] = v.FieldByIndex(field.Index)
		}
	}
	return out
}

// structOf is the struct with keys that t is, lists or holds; nil if none.
func structOf(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return structOf(t.Elem())
	case reflect.Struct:
		for _, field := range reflect.VisibleFields(t) {
			if field.Tag.Get("yaml") != "" {
				return t
			}
			if below := structOf(field.Type); below != nil {
				return below
			}
		}
	}
	return nil
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "`true`, `false`"
	case reflect.Slice:
		return "list"
	case reflect.Map:
		return "mapping"
	case reflect.Struct:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalYAML(func(any) error) error }]()) {
			return "text, list"
		}
		return "keys"
	default:
		return "number"
	}
}

// readSettingsSource returns the first paragraphs of the comments of fields, by
// TYPE.FIELD.
func readSettingsSource() (map[string]string, error) {
	about := map[string]string{}
	files, err := settingsSource.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := settingsSource.ReadFile(file.Name())
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), text, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range fields.Fields.List {
				first, _, _ := strings.Cut(field.Doc.Text(), "\n\n")
				for _, name := range field.Names {
					about[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(first), " ")
				}
			}
			return true
		})
	}
	return about, nil
}

// writeReference writes the keys as Markdown: a table of all, then one of each
// key with keys of its own.
func writeReference(w io.Writer, keys []setting) {
	fmt.Fprintf(w, "| key | | flag | default | |\n|---|---|---|---|---|\n")
	for _, s := range keys {
		flag, kind := "", s.Type
		if s.Flag != "" {
			flag = "`--" + s.Flag + "`"
		}
		if s.Keys != nil {
			kind = "[" + kind + "](#keys-of-" + s.Key + ")"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s |\n", s.Key, kind, flag, s.Default, s.About)
	}
	for _, s := range keys {
		if s.Keys == nil {
			continue
		}
		fmt.Fprintf(w, "\n### Keys of `%s`\n\n| key | | default | |\n|---|---|---|---|\n", s.Key)
		for _, s := range s.Keys {
			fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", s.Key, s.Type, s.Default, s.About)
		}
	}
}

// writeSetting writes a key for a terminal.
func writeSetting(w io.Writer, s setting, indent string) {
	fmt.Fprintf(w, "%s%s\n%s    %s\n", indent, s.Key, indent, plainMarkdown(s.About))
	if s.Default != "" {
		fmt.Fprintf(w, "%s    default: %s\n", indent, plainMarkdown(s.Default))
	}
	if s.Flag != "" {
		fmt.Fprintf(w, "%s    --%s, %s\n", indent, s.Flag, variableOf(s.Flag))
	}
	for _, below := range s.Keys {
		writeSetting(w, below, indent+"    ")
	}
}

var markdownLink = regexp.MustCompile(`\[([^\]]*)\]\(([^)]*)\)`)

// plainMarkdown takes the marks of code and links out.
func plainMarkdown(text string) string {
	return strings.ReplaceAll(markdownLink.ReplaceAllString(text, "docs/$2"), "`", "")
}

func newConfigCommand(std streams) *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:     "config [KEY]",
		Short:   "Print what the configuration file may say",
		Example: "  tagtail config keep_bytes",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef(cmd, "config takes one key at most, as in: tagtail config keep_bytes")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if keys, err := settings(); err == nil && len(args) == 0 {
				for _, s := range keys {
					names = append(names, s.Key)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			keys, err := settings()
			if err != nil {
				return err
			}
			if markdown {
				writeReference(std.Out, keys)
				return nil
			}
			names := make([]string, 0, len(keys))
			for _, s := range keys {
				if len(args) == 0 || args[0] == s.Key {
					writeSetting(std.Out, s, "")
				}
				names = append(names, s.Key)
			}
			if len(args) > 0 && !slices.Contains(names, args[0]) {
				if meant := perhaps(args[0], names); meant != "" {
					return fmt.Errorf("there is no key %q: perhaps it is %s", args[0], meant)
				}
				return fmt.Errorf("there is no key %q: tagtail config lists all", args[0])
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the tables of docs/configuration.md")
	return cmd
}
