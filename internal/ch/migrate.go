package ch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"text/template"
)

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

const createMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations
(
    name    String,
    hash    String,
    applied DateTime64(3) DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY name`

// Migrate brings the database to the state that the folder's NNNN_name.sql files describe: it runs
// those not yet run, in the order of their numbers, and records each in schema_migrations. A file
// holds one statement, which must bear repetition (IF NOT EXISTS), as a run may end between a
// statement and its record. It is a text/template, executed with data, for what configuration
// decides; what is recorded is the hash of the file itself, so configuration may change.
//
// A file changed after it was run, a file older than one already run, and a record without a file
// are errors: nothing is run then.
func (db *DB) Migrate(ctx context.Context, folder fs.FS, data any) error {
	files, err := migrations(folder)
	if err != nil {
		return err
	}
	if err := db.Exec(ctx, createMigrations); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	var applied []struct {
		Name string `ch:"name"`
		Hash string `ch:"hash"`
	}
	if err := db.Select(ctx, &applied, "SELECT name, any(hash) AS hash FROM schema_migrations GROUP BY name ORDER BY name"); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for i, a := range applied {
		switch {
		case i >= len(files):
			return fmt.Errorf("migrate: the database has %s, which this version does not know: run the newer version", a.Name)
		case files[i].name < a.Name:
			return fmt.Errorf("migrate: %s comes before %s, which has been run already: number it after the last", files[i].name, a.Name)
		case files[i].name > a.Name:
			return fmt.Errorf("migrate: the database has %s, which this version does not know: run the newer version", a.Name)
		case files[i].hash != a.Hash:
			return fmt.Errorf("migrate: %s was changed after it had been run: put it back, and write a new file for the change", a.Name)
		}
	}
	for _, m := range files[len(applied):] {
		sql, err := m.expand(data)
		if err != nil {
			return fmt.Errorf("migrate: %s: %w", m.name, err)
		}
		if err := db.Exec(ctx, sql); err != nil {
			return fmt.Errorf("migrate: %s: %w", m.name, err)
		}
		if err := db.Exec(ctx, "INSERT INTO schema_migrations (name, hash) SELECT {name:String}, {hash:String}", P("name", m.name), P("hash", m.hash)); err != nil {
			return fmt.Errorf("migrate: record %s: %w", m.name, err)
		}
		db.log.Info("database migrated", "file", m.name)
	}
	return nil
}

type migration struct{ name, hash, source string }

// migrations reads the folder's files in the order of their names, which is that of their numbers.
func migrations(folder fs.FS) ([]migration, error) {
	names, err := fs.Glob(folder, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var files []migration
	seen := map[string]string{}
	for _, name := range names {
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("migrate: %s: a migration is named NNNN_name.sql", name)
		}
		if other := seen[m[1]]; other != "" {
			return nil, fmt.Errorf("migrate: %s and %s have the same number", other, name)
		}
		seen[m[1]] = name
		source, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
		sum := sha256.Sum256(source)
		files = append(files, migration{name, hex.EncodeToString(sum[:]), string(source)})
	}
	return files, nil
}

func (m migration) expand(data any) (string, error) {
	t, err := template.New(m.name).Option("missingkey=error").Parse(m.source)
	if err != nil {
		return "", err
	}
	var sql bytes.Buffer
	if err := t.Execute(&sql, data); err != nil {
		return "", err
	}
	return statement(sql.String()), nil
}

// statement is a file's one statement, without the semicolon that editors like.
func statement(source string) string {
	return strings.TrimSuffix(strings.TrimSpace(source), ";")
}
