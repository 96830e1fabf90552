package ch

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// EngineVersion is the version of libchdb that Vigie is tested with; package.json names the same.
const EngineVersion = "26.5.3"

const libraryName = "libchdb.so"

// FindLibrary looks for the engine's library: where it is told to (the argument, or else
// VIGIE_ENGINE_LIB), beside the running program, in ../lib/vigie of it, and in the user's cache
// folder, where 'make engine' puts it.
func FindLibrary(told string) (string, error) {
	if told = cmp.Or(told, os.Getenv("VIGIE_ENGINE_LIB")); told != "" {
		if _, err := os.Stat(told); err != nil {
			return "", fmt.Errorf("engine library: %w: correct VIGIE_ENGINE_LIB (or --lib), or leave it out and run 'make engine'", err)
		}
		return told, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		folder := filepath.Dir(self)
		places = append(places, filepath.Join(folder, libraryName), filepath.Join(folder, "..", "lib", "vigie", libraryName))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "vigie", "engine", EngineVersion, libraryName))
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("engine library: %w", err)
		}
	}
	return "", fmt.Errorf("the embedded engine's library %s %s is not installed (looked for %q): run 'make engine' once, or set clickhouse.dsn to a ClickHouse server", libraryName, EngineVersion, places)
}

// findEngine looks for vigie-engine: where it is told to, beside the running program, and in PATH.
func findEngine(told string) (string, error) {
	if told != "" {
		if _, err := os.Stat(told); err != nil {
			return "", fmt.Errorf("engine binary: %w", err)
		}
		return told, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "vigie-engine")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	found, err := exec.LookPath("vigie-engine")
	if err != nil {
		return "", fmt.Errorf("vigie-engine is neither beside this program nor in PATH: build it with 'make build', or set clickhouse.dsn to a ClickHouse server: %w", err)
	}
	return found, nil
}
