//go:build unix

package server

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// lock takes a file for this process and returns what gives it free, errOwned
// if another has it. The system frees it when the process dies.
func lock(name string) (func(), error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errOwned
		}
		return nil, err
	}
	return sync.OnceFunc(func() { f.Close() }), nil
}
