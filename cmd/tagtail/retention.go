package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
)

// retention is how much is kept, as index.Config has it: 0 is without a limit.
type retention struct {
	age                  time.Duration
	bytes, instanceBytes int64
}

// retention reads what the configuration says of it.
func (c *config) retention() (r retention, err error) {
	if r.age, err = parseAge(c.Keep); err != nil {
		return retention{}, fmt.Errorf("keep %q %w", c.Keep, err)
	}
	if r.bytes, err = parseSize(c.KeepBytes); err != nil {
		return retention{}, fmt.Errorf("keep_bytes %q %w", c.KeepBytes, err)
	}
	if r.instanceBytes, err = parseSize(c.KeepInstanceBytes); err != nil {
		return retention{}, fmt.Errorf("keep_instance_bytes %q %w", c.KeepInstanceBytes, err)
	}
	return r, nil
}

// indexConfig is the configuration of the store.
func (c *config) indexConfig(logger *slog.Logger) (index.Config, error) {
	keep, err := c.retention()
	if err != nil {
		return index.Config{}, err
	}
	mode, err := index.ParseSyncMode(c.Sync)
	return index.Config{
		Dir: filepath.Join(c.Data, "logs"), Logger: logger, Sync: mode,
		KeepFor: keep.age, KeepBytes: keep.bytes, KeepInstanceBytes: keep.instanceBytes,
	}, err
}

// parseAge reads days and weeks beside what time.ParseDuration does.
func parseAge(text string) (time.Duration, error) {
	bad := errors.New("is not an age: give one such as 14d, 12h or 8w, or 0 to keep everything")
	text = strings.TrimSpace(text)
	if text == "" || text == "0" {
		return 0, nil
	}
	unit := time.Duration(0)
	switch text[len(text)-1] {
	case 'd':
		unit = 24 * time.Hour
	case 'w':
		unit = 7 * 24 * time.Hour
	}
	if unit == 0 {
		age, err := time.ParseDuration(text)
		if err != nil || age < 0 {
			return 0, bad
		}
		return age, nil
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil || time.Duration(n) > math.MaxInt64/unit {
		return 0, bad
	}
	return time.Duration(n) * unit, nil
}

// parseSize reads a number of bytes with a unit: KB, MB, GB, TB are powers of
// 1,000, KiB, MiB, GiB, TiB of 1,024.
func parseSize(text string) (int64, error) {
	bad := errors.New("is not a size: give one such as 500MB, 10GB or 1.5TB, or 0 for no limit")
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	number := strings.TrimRight(text, "BKMGTIbkmgti ")
	factor, known := map[string]float64{
		"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[strings.ToLower(strings.TrimSpace(text[len(number):]))]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || n < 0 || !(n*factor < math.MaxInt64) {
		return 0, bad
	}
	return int64(n * factor), nil
}
