package ch

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Queries reads the statements in dir, one .sql file each, and returns them by their files' names
// without ".sql". Those wanted must be there, so that a missing one is found at start.
func Queries(folder fs.FS, dir string, want ...string) (map[string]string, error) {
	files, err := fs.Glob(folder, path.Join(dir, "*.sql"))
	if err != nil {
		return nil, fmt.Errorf("queries: %w", err)
	}
	queries := make(map[string]string, len(files))
	for _, file := range files {
		source, err := fs.ReadFile(folder, file)
		if err != nil {
			return nil, fmt.Errorf("queries: %w", err)
		}
		queries[strings.TrimSuffix(path.Base(file), ".sql")] = statement(string(source))
	}
	for _, name := range want {
		if queries[name] == "" {
			return nil, fmt.Errorf("queries: %s is missing or empty", path.Join(dir, name+".sql"))
		}
	}
	return queries, nil
}
