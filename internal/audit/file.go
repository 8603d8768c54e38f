package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/fichadev/ficha/internal/token"
)

// A File is an exported ledger. It is a Source, of which only the seals are
// held in memory. It may be used by many at once.
type File struct {
	from    io.ReaderAt
	keys    Trust
	ledgers map[string][]chapter // by workspace, by number
}

// A chapter is a seal and where its records stand.
type chapter struct {
	seal      *token.Seal
	from, end int64
}

// ReadFile reads an exported ledger, or the part of one that has its keys. An
// error names the line that is none of a ledger.
func ReadFile(from io.ReaderAt) (*File, error) {
	f := &File{from: from, keys: Trust{}, ledgers: map[string][]chapter{}}
	r := newLines(from, 0)
	var open *chapter
	for n := 1; ; n++ {
		l, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
		case l.Key != nil:
			err = f.addKey(l.Key)
		case l.Seal != nil:
			open, err = f.addSeal(l, open, r.at)
		case open != nil && l.Record != nil:
			open.end = r.at
		default:
			err = errors.New("it is no line of an exported ledger")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return f, f.close(open)
}

func (f *File) addKey(k *publicKey) error {
	key, err := x509.ParsePKIXPublicKey(k.Public)
	if err != nil {
		return fmt.Errorf("read key %q: %w", k.ID, err)
	}
	f.keys[k.ID] = key
	return nil
}

// addSeal keeps the chapter before and opens the next.
func (f *File) addSeal(l *line, before *chapter, at int64) (*chapter, error) {
	v, err := readSeal(l)
	if err != nil {
		return nil, err
	}
	f.keep(before)
	return &chapter{v, at, at}, nil
}

func (f *File) keep(c *chapter) {
	if c != nil {
		f.ledgers[c.seal.Workspace] = append(f.ledgers[c.seal.Workspace], *c)
	}
}

// close puts the chapters into their order; none may be there twice.
func (f *File) close(last *chapter) error {
	f.keep(last)
	for workspace, list := range f.ledgers {
		slices.SortFunc(list, func(a, b chapter) int { return cmp.Compare(a.seal.Number, b.seal.Number) })
		for i := range list[1:] {
			if n := list[i].seal.Number; n == list[i+1].seal.Number {
				return fmt.Errorf("workspace %q has two seals of number %d", workspace, n)
			}
		}
	}
	return nil
}

// Keys returns the public keys in the file. They are worth what the file is.
func (f *File) Keys() Trust { return f.keys }

// Workspaces returns whose ledgers are in the file, by id.
func (f *File) Workspaces() []string {
	var all []string
	for workspace := range f.ledgers {
		all = append(all, workspace)
	}
	slices.Sort(all)
	return all
}

// Seals returns a page of the seals of a workspace by number, after one.
func (f *File) Seals(_ context.Context, workspace string, after int64, limit int) ([]*token.Seal, error) {
	var page []*token.Seal
	list := f.ledgers[workspace]
	first, found := slices.BinarySearchFunc(list, after, func(c chapter, n int64) int { return cmp.Compare(c.seal.Number, n) })
	if found {
		first++ // not after+1: whoever wrote the file may have numbered a seal with the last number there is
	}
	for _, c := range list[first:] {
		if len(page) == limit {
			break
		}
		page = append(page, c.seal)
	}
	return page, nil
}

// SealedEvents returns the records that stand behind a seal.
func (f *File) SealedEvents(_ context.Context, of *token.Seal) ([]*token.Event, error) {
	var records []*token.Event
	list := f.ledgers[of.Workspace]
	i, found := slices.BinarySearchFunc(list, of.Number, func(c chapter, n int64) int { return cmp.Compare(c.seal.Number, n) })
	if !found {
		return nil, nil
	}
	r := newLines(f.from, list[i].from)
	for r.at < list[i].end {
		l, err := r.next()
		if err != nil {
			return nil, err
		}
		if l.Record == nil {
			continue // a key among the records
		}
		e, err := readRecord(l.Record)
		if err != nil {
			return nil, err
		}
		e.Seal = of.Number
		records = append(records, e)
	}
	return records, nil
}

// Strays returns none: what stands behind a seal is all that is read of it.
func (f *File) Strays(context.Context, string) ([]*token.Event, error) { return nil, nil }

// Find returns a record and the seal that it stands behind, nil if the file has
// none of that id.
func (f *File) Find(ctx context.Context, id token.ID) (*token.Event, *token.Seal, error) {
	for _, list := range f.ledgers {
		for _, c := range list {
			if id < c.seal.First || id > c.seal.Last {
				continue
			}
			records, err := f.SealedEvents(ctx, c.seal)
			if err != nil {
				return nil, nil, err
			}
			if i := slices.IndexFunc(records, func(e *token.Event) bool { return e.ID == id }); i >= 0 {
				return records[i], c.seal, nil
			}
		}
	}
	return nil, nil, nil
}

// lines reads a ledger line by line and knows where it is.
type lines struct {
	r  *bufio.Reader
	at int64
}

// mostLine bounds a line; a record has a few kB.
const mostLine = 16 << 20

func newLines(from io.ReaderAt, at int64) *lines {
	return &lines{bufio.NewReaderSize(io.NewSectionReader(from, at, 1<<62), 64<<10), at}
}

// next returns the next line, io.EOF after the last.
func (r *lines) next() (*line, error) {
	text, err := r.r.ReadBytes('\n')
	switch {
	case errors.Is(err, io.EOF) && len(text) > 0:
		return nil, errors.New("the file breaks off in it")
	case err != nil:
		return nil, err
	case len(text) > mostLine:
		return nil, fmt.Errorf("it is over %d bytes", mostLine)
	}
	r.at += int64(len(text))
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	l := &line{}
	if err := d.Decode(l); err != nil {
		return nil, fmt.Errorf("it is no line of an exported ledger: %w", err)
	}
	return l, nil
}
