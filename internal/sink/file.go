package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A file is appended to. Whoever rotates it renames or removes it; the next
// batch makes a new one.
type file struct {
	path string
	open *os.File // nil until the first batch, and after a fault
}

// deliver appends the lines and returns when the disk has them. If we die in the
// middle of a line, the next begins on a line of its own and the records come
// again.
func (f *file) deliver(_ context.Context, lines []line) error {
	if err := f.reach(); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, l := range lines {
		b.Write(l.text)
		b.WriteByte('\n')
	}
	_, err := f.open.Write(b.Bytes())
	if err == nil {
		err = f.open.Sync()
	}
	if err != nil {
		f.leave()
		return fmt.Errorf("write the file: %w", err)
	}
	return nil
}

// reach opens the file, again if another stands at its path or none.
func (f *file) reach() error {
	if f.open != nil {
		here, err := os.Stat(f.path)
		held, heldErr := f.open.Stat()
		if err == nil && heldErr == nil && os.SameFile(here, held) {
			return nil
		}
		f.leave()
	}
	open, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the file: %w", err)
	}
	f.open = open
	if err := errors.Join(f.endLine(), syncFolder(f.path)); err != nil {
		f.leave()
		return err
	}
	return nil
}

// endLine ends a line that broke off.
func (f *file) endLine() error {
	info, err := f.open.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.open.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.open.WriteString("\n")
	return err
}

// leave forgets the file; what it told of its end has been told before.
func (f *file) leave() {
	f.open.Close()
	f.open = nil
}

// syncFolder makes a new file's name as durable as its content. Where a folder
// cannot be synced it need not be.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the file's folder: %w", err)
	}
	_ = folder.Sync() // Windows has no such thing
	return folder.Close()
}
