//go:build linux

package engine

import (
	"fmt"
	"syscall"
	"unsafe"
)

// signalHandlers are the kernel's actions for the signals that both Go's runtime and the library
// want: faults, and SIGURG by which Go preempts.
type signalHandlers map[syscall.Signal]*kernelAction

// kernelAction is Linux's struct sigaction, opaque here; 64 bytes hold it on every architecture.
type kernelAction [64]byte

const kernelSignalSetSize = 8

func saveSignalHandlers() (signalHandlers, error) {
	saved := signalHandlers{}
	for _, s := range []syscall.Signal{syscall.SIGILL, syscall.SIGABRT, syscall.SIGFPE, syscall.SIGBUS, syscall.SIGSEGV, syscall.SIGURG} {
		action := new(kernelAction)
		if _, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), 0, uintptr(unsafe.Pointer(action)), kernelSignalSetSize, 0, 0); e != 0 {
			return nil, fmt.Errorf("read the handler of %v: %w", s, e)
		}
		saved[s] = action
	}
	return saved, nil
}

func (h signalHandlers) restore() error {
	for s, action := range h {
		if _, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(action)), 0, kernelSignalSetSize, 0, 0); e != 0 {
			return fmt.Errorf("put the handler of %v back: %w", s, e)
		}
	}
	return nil
}
