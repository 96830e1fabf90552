package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// disk watches how much room is left. The embedded JetStream stops altogether when it cannot
// write, so senders are asked to wait before that.
type disk struct {
	folder string
	min    int64

	mu     sync.Mutex
	looked time.Time
	err    error
}

// room says why nothing more should be written; nil: go on. It looks at most once a second.
func (d *disk) room() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.looked) < time.Second {
		return d.err
	}
	d.looked = time.Now()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.folder, &fs); err != nil {
		d.err = fmt.Errorf("look at the disk of %s: %w", d.folder, err)
		return d.err
	}
	d.err = nil
	if free := int64(fs.Bavail) * int64(fs.Bsize); free < d.min {
		d.err = fmt.Errorf("%d MB are free on the disk of %s, less than stream.min_free (%d MB)", free/1e6, d.folder, d.min/1e6)
	}
	return d.err
}

// errFolderInUse is wrapped by the error of a second process on a data folder.
var errFolderInUse = errors.New("another vigie runs on this data folder")

// lockFolder makes the data folder and keeps other processes off it until unlock is called.
func lockFolder(folder string) (unlock func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	path := filepath.Join(folder, "vigie.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner := make([]byte, 20)
		n, _ := f.ReadAt(owner, 0)
		f.Close()
		return nil, fmt.Errorf("%w: %s, process %s: stop it, or give another folder with --data", errFolderInUse, folder, strings.TrimSpace(string(owner[:n])))
	}
	f.Truncate(0)
	f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return func() { f.Close() }, nil
}
