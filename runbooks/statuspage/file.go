package statuspage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"vigie/internal/pause"
)

// maxFile bounds the file that is read.
const maxFile = 64 << 20

// readFile is what was known last; nothing, where there is no file. What it returns can be used with an error, too.
func readFile(name string) (contents, error) {
	c := newContents()
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return c, err
	}
	if len(b) > maxFile {
		return c, fmt.Errorf("larger than %d MB", maxFile>>20)
	}
	read := newContents()
	if err := json.Unmarshal(b, &read); err != nil {
		return c, err
	}
	for _, posts := range []map[string]*Post{read.Posts, read.Banners, read.DrillPosts, read.DrillBanners} {
		for id, p := range posts {
			if p == nil || p.ID != id {
				return c, fmt.Errorf("post %.80q is not one", id)
			}
		}
	}
	if read.Posts == nil || read.Banners == nil || read.DrillPosts == nil || read.DrillBanners == nil || read.Components == nil {
		return c, errors.New("a part is null")
	}
	return read, nil
}

// putAside keeps a file that cannot be read for whoever wants to know why.
func putAside(name string) { _ = os.Rename(name, name+".unreadable") }

// writeFile puts body where name is, whole or not at all, whatever happens to the machine.
func writeFile(name string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of one that was renamed is an error
	_, err = f.Write(body)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// save writes the file after each change, until ctx ends.
func (p *Page) save(ctx context.Context, changes <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			select {
			case <-changes: // the last one
				p.saveOnce()
			default:
			}
			return
		case <-changes:
		}
		for !p.saveOnce() {
			if pause.For(ctx, retryAfter) != nil {
				return
			}
		}
	}
}

const retryAfter = 5 * time.Second

func (p *Page) saveOnce() bool {
	p.mu.Lock()
	body, err := json.Marshal(&p.known)
	p.mu.Unlock()
	if err == nil {
		err = writeFile(p.config.File, append(body, '\n'))
	}
	if err != nil {
		p.log.Error("keep what the status page shows: after a restart without the bus it would not be known", "file", p.config.File, "error", err)
	}
	return err == nil
}
