//go:build linux

package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Locked means that another process uses the data folder.
type Locked struct {
	Folder string
	PID    string // of the holder, as it wrote it; empty when it has not yet
}

func (e *Locked) Error() string {
	return fmt.Sprintf("the data folder %s is in use by process %s: stop that one, or choose another folder with --data", e.Folder, e.PID)
}

// lock takes the data folder for this process. The kernel gives it back when the process ends,
// however it ends.
func lock(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, "vigie-engine.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the data folder %s: %w", folder, err)
		}
		var pid [20]byte
		n, _ := f.ReadAt(pid[:], 0)
		return nil, &Locked{Folder: folder, PID: strings.TrimSpace(string(pid[:n]))}
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock: %w", err), f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock: %w", err), f.Close())
	}
	return f, nil
}
