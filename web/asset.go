package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// scripts/assets.sh fills static with what the browser needs, from web/assets and node_modules.
//
//go:embed all:static
var static embed.FS

// assets are the browser's files under an address that changes with their content, so that browsers
// keep them for ever and nobody runs an old script against a new page.
type assets struct {
	version string
	files   map[string]asset
}

type asset struct {
	kind          string
	plain, zipped []byte // zipped is nil where it would save nothing
}

func loadAssets() (*assets, error) {
	a := &assets{files: make(map[string]asset)}
	sum := sha256.New()
	kinds := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".woff2": "font/woff2", ".svg": "image/svg+xml",
	}
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		return nil, fmt.Errorf("web: static files: %w", err)
	}
	for _, entry := range entries { // in the order of their names
		kind, ok := kinds[path.Ext(entry.Name())]
		if !ok {
			continue
		}
		content, err := fs.ReadFile(static, "static/"+entry.Name())
		if err != nil {
			return nil, fmt.Errorf("web: static files: %w", err)
		}
		sum.Write([]byte(entry.Name()))
		sum.Write(content)
		f := asset{kind: kind, plain: content}
		if kind != "font/woff2" {
			if f.zipped, err = zip(content); err != nil {
				return nil, fmt.Errorf("web: compress %s: %w", entry.Name(), err)
			}
		}
		a.files[entry.Name()] = f
	}
	for _, name := range []string{"app.js", "app.css", "icon.svg", "inter.woff2"} {
		if _, ok := a.files[name]; !ok {
			return nil, fmt.Errorf("web: static/%s is not in this binary: run scripts/assets.sh, then build again", name)
		}
	}
	a.version = hex.EncodeToString(sum.Sum(nil))[:16]
	return a, nil
}

func zip(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() >= len(content) {
		return nil, nil
	}
	return b.Bytes(), nil
}

func (a *assets) url(name string) string { return "/static/" + a.version + "/" + name }

func (a *assets) serve(c echo.Context) error {
	f, ok := a.files[c.Param("file")]
	if !ok || c.Param("version") != a.version {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	content := f.plain
	if f.zipped != nil && strings.Contains(c.Request().Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = f.zipped
	}
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(content))
	return nil
}
