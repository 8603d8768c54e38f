package server

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// lock takes a file for this process and returns what gives it free, errOwned
// if another has it: opened without sharing, it cannot be opened again while
// this process lives.
func lock(name string) (func(), error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	const sharingViolation syscall.Errno = 32
	if errors.Is(err, sharingViolation) {
		return nil, errOwned
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(h), name)
	return sync.OnceFunc(func() { f.Close() }), nil
}
