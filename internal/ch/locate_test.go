package ch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/internal/ch"
)

func TestTheEnginesVersionIsTheOneInPackageJSON(t *testing.T) {
	text, err := os.ReadFile("../../package.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		OptionalDependencies map[string]string
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, version := range file.OptionalDependencies {
		if !strings.HasPrefix(name, "@chdb/lib-") {
			continue
		}
		n++
		if version != ch.EngineVersion {
			t.Errorf("%s is %s, EngineVersion is %s", name, version, ch.EngineVersion)
		}
	}
	if n == 0 {
		t.Error("package.json names no engine")
	}
}

func TestFindLibraryLooksInTheCacheFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("VIGIE_ENGINE_LIB", "")
	want := filepath.Join(cache, "vigie", "engine", ch.EngineVersion, "libchdb.so")
	if err := os.MkdirAll(filepath.Dir(want), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ch.FindLibrary(""); got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}

	told := filepath.Join(t.TempDir(), "lib.so")
	if err := os.WriteFile(told, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VIGIE_ENGINE_LIB", told)
	if got, err := ch.FindLibrary(""); got != told || err != nil {
		t.Errorf("VIGIE_ENGINE_LIB: got %s, %v", got, err)
	}
	if got, err := ch.FindLibrary(want); got != want || err != nil {
		t.Errorf("the argument comes first: got %s, %v", got, err)
	}
}
