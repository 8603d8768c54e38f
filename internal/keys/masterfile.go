package keys

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// masterFile is the name of the master key's file in the data folder. Backups
// of the database leave it out.
const masterFile = "master.key"

// LoadMaster returns the master key: the one in env (the value of
// FICHA_MASTER_KEY: 32 bytes in hex or base64) if it is not empty, else the
// one in dir, which must exist. The file is created with mode 0600 if it is
// not there, and refused if group or others may touch it. Errors never quote
// the key.
func LoadMaster(dir, env string) (*Master, error) {
	m, err := givenMaster(dir, env)
	if errors.Is(err, fs.ErrNotExist) {
		m, err = createMaster(filepath.Join(dir, masterFile))
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return m, nil
}

// FindMaster is LoadMaster for a database that was written under a key: it
// creates none, which would only be mistaken for that one.
func FindMaster(dir, env string) (*Master, error) {
	m, err := givenMaster(dir, env)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the master key is not there, and this database was written with one: bring back %s, or set FICHA_MASTER_KEY", filepath.Join(dir, masterFile))
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return m, nil
}

// givenMaster returns the key that is there.
func givenMaster(dir, env string) (*Master, error) {
	if env == "" {
		return readMaster(filepath.Join(dir, masterFile))
	}
	m, err := parseMaster(env)
	if err != nil {
		return nil, fmt.Errorf("FICHA_MASTER_KEY: %w", err)
	}
	return m, nil
}

func readMaster(path string) (*Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf(`%s may be read by others (mode %v): run "chmod 600 %[1]s"`, path, info.Mode())
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, err
	}
	m, err := parseMaster(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w; restore it from your copy, or remove it if this server has never started", path, err)
	}
	return m, nil
}

// createMaster makes a key and writes it down before anybody can use it. If we
// die half way, the next start meets a file without a key, says so, and
// nothing was sealed under it.
func createMaster(path string) (*Master, error) {
	m := &Master{}
	rand.Read(m.key[:]) // never fails (Go 1.24)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(m.key[:]) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(path)) // the name must survive a power loss too
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// parseMaster reads 32 bytes in hex or in any of the four spellings of base64.
// The lengths tell them apart: 64 characters, or 43 and 44. One byte repeated is
// somebody's placeholder.
func parseMaster(text string) (*Master, error) {
	var raw []byte
	var err error
	text = strings.TrimSpace(text)
	if len(text) == hex.EncodedLen(keySize) {
		raw, err = hex.DecodeString(text)
	} else {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		raw, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil || len(raw) != keySize || bytes.Count(raw, raw[:1]) == keySize {
		return nil, errors.New(`it is not 32 random bytes in hex or base64: make one with "openssl rand -base64 32"`)
	}
	return &Master{key: [keySize]byte(raw)}, nil
}
