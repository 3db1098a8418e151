package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

func TestAgesAndSizesAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "30d": 30 * 24 * time.Hour, "8w": 8 * 7 * 24 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute,
	} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("parseAge(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]int64{
		"": 0, "0": 0, "1000": 1000, "500MB": 500e6, "10GB": 10e9, "1.5 TB": 15e11, "2GiB": 2 << 30, "64k": 64e3,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-1d", "d", "14 days", "-5h", "99999999d", "x"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("parseAge(%q) = %v, want an error", text, got)
		}
	}
	for _, text := range []string{"-1GB", "GB", "10GX", "1e30GB", "NaN", "BGB"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %v, want an error", text, got)
		}
	}
}

func TestThirtyDaysAreKeptUnlessSomethingElseIsSaid(t *testing.T) {
	tests := map[string]struct {
		file string
		args []string
		env  map[string]string
		want retention
	}{
		"default":     {want: retention{age: 30 * 24 * time.Hour}},
		"for ever":    {file: "keep: 0\n"},
		"file":        {file: "keep: 14d\nkeep_bytes: 10GB\nkeep_instance_bytes: 500MB\n", want: retention{14 * 24 * time.Hour, 10e9, 500e6, nil}},
		"environment": {env: map[string]string{"TAGTAIL_KEEP": "1w", "TAGTAIL_KEEP_BYTES": "1GB", "TAGTAIL_KEEP_INSTANCE_BYTES": "1MB"}, want: retention{7 * 24 * time.Hour, 1e9, 1e6, nil}},
		"rules": {
			file: "keep_instance_bytes: 9MB\nretention:\n- {instances: '*/dev1', keep: 7d, keep_bytes: 500MB}\n- {instances: mysql/*, keep: 0}\n- {instances: x/*, keep_bytes: 0}\n",
			want: retention{30 * 24 * time.Hour, 0, 9e6, []index.KeepRule{
				{Instances: "*/dev1", For: 7 * 24 * time.Hour, Bytes: 500e6}, {Instances: "mysql/*", Bytes: 9e6}, {Instances: "x/*", For: 30 * 24 * time.Hour},
			}},
		},
		"flags": {args: []string{"--keep", "2d", "--keep-bytes", "7", "--keep-instance-bytes", "5"}, want: retention{48 * time.Hour, 7, 5, nil}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.file != "" {
				test.args = append(test.args, "--config", writeFile(t, "tagtail.yaml", test.file))
			}
			cfg, err := loadConfig(parseFlags(t, test.args...), environment(test.env))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := cfg.retention(); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("retention = %+v, %v, want %+v", got, err, test.want)
			}
		})
	}
	for text, want := range map[string]string{
		"- {instances: 'a b', keep: 1d}": `retention[0]: instances: "a b" is no pattern of instances`, "- {instances: '*'}": "retention[0]: the rule for * says nothing",
		"- {instances: '*', keep: soon}": `retention[0]: keep "soon" is not an age`, "- {instances: '*', keep_bytes: x}": `retention[0]: keep_bytes "x" is not a size`,
	} {
		file := writeFile(t, "tagtail.yaml", "retention:\n"+text+"\n")
		if _, err := loadConfig(parseFlags(t, "--config", file), environment(nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want it to say %q", err, want)
		}
	}
	for key, want := range map[string]string{
		"keep": `keep "soon" is not an age`, "keep_bytes": `keep_bytes "soon" is not a size`, "keep_instance_bytes": `keep_instance_bytes "soon" is not a size`,
	} {
		file := writeFile(t, "tagtail.yaml", key+": soon\n")
		if _, err := loadConfig(parseFlags(t, "--config", file), environment(nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want it to say %q", err, want)
		}
	}
}
