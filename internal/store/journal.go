package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/fichadev/ficha/internal/token"
)

// A Journal lies beside the database and remembers what was ended, so that a
// database which was restored or rolled back revives nothing: one that is
// behind its journal is not served until the endings are replayed. It is safe
// for use by many at once.
//
// It is written after the commit and not flushed to the disk by itself: the
// database is what is durable. What a power loss takes from its end matters
// only to a restore of an older backup right afterwards.
type Journal struct {
	mu    sync.Mutex
	name  string
	file  *os.File
	size  int64
	torn  bool // it ends in the middle of a line
	lost  bool // a line could not be written since the last one that was
	made  bool // there was none
	reach reach
}

// A JournalLine is one commit that ended something. Position is the
// database's after it, 0 where it changed nothing that is held in memory.
type JournalLine struct {
	Position  int64               `json:"n"`
	Mark      string              `json:"mark,omitempty"`
	Ends      []JournalEnding     `json:"ends,omitempty"`
	Suspended []JournalSuspension `json:"suspended,omitempty"`
	Cuts      []token.Cutoff      `json:"cuts,omitempty"`
	Secrets   []JournalSecret     `json:"secrets,omitempty"`

	// Anchor is set where the journal begins, or begins anew: of what led to the
	// position it knows nothing.
	Anchor bool `json:"anchor,omitempty"`
	// Lost is set where lines could not be written before, of whatever position up
	// to this one.
	Lost bool `json:"lost,omitempty"`
}

// A JournalSecret is one secret that is no token and ended: of a client, or a
// client token.
type JournalSecret struct {
	What token.Rotating `json:"what"`
	ID   token.ID       `json:"id"`
	At   int64          `json:"at"`
}

// A JournalEnding is one token that ended.
type JournalEnding struct {
	ID     token.ID `json:"id"`
	At     int64    `json:"at"`
	Reason string   `json:"why"`
	By     string   `json:"by"`
}

// A JournalSuspension is one token that was suspended, or, at 0, resumed.
type JournalSuspension struct {
	ID    token.ID `json:"id"`
	At    int64    `json:"at"`
	Until int64    `json:"until,omitempty"`
}

// journalMost is the size at which a journal begins anew; the one before is
// kept beside it.
const journalMost = 64 << 20

// OpenJournal opens the journal of a data folder, or makes an empty one.
func OpenJournal(dir string) (*Journal, error) {
	j := &Journal{name: filepath.Join(dir, "endings.log")}
	_, none := os.Stat(j.name)
	if err := j.open(); err != nil {
		return nil, err
	}
	j.made = errors.Is(none, os.ErrNotExist)
	first := true
	err := j.last(func(l JournalLine) error {
		if first && l.Position > 0 { // what comes before is not read
			l.Anchor, first = true, false
		}
		j.reach.add(l)
		return nil
	})
	return j, err
}

func (j *Journal) open() error {
	f, err := os.OpenFile(j.name, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of endings: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	last := []byte{'\n'}
	if info.Size() > 0 {
		if _, err := f.ReadAt(last, info.Size()-1); err != nil {
			return errors.Join(fmt.Errorf("read the log of endings: %w", err), f.Close())
		}
	}
	j.file, j.size, j.torn = f, info.Size(), last[0] != '\n'
	return nil
}

// Append writes one commit. Where a journal that has grown long cannot be turned,
// it says so and goes on with it.
func (j *Journal) Append(l JournalLine) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write the log of endings: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size > journalMost {
		err = j.turn()
	}
	if j.lost {
		text = append(fmt.Appendf(nil, `{"n":%d,"lost":true}`+"\n", max(j.reach.at, l.Position)), text...)
	}
	if fault := j.write(text); fault != nil {
		j.lost = true
		return errors.Join(err, fault)
	}
	j.lost = false
	j.reach.add(l)
	return err
}

func (j *Journal) write(text []byte) error {
	if j.torn { // by a crash, or by a disk that was full: that line is lost, this one is not
		text = append([]byte{'\n'}, text...)
	}
	n, err := j.file.Write(append(text, '\n'))
	j.size += int64(n)
	j.torn = err != nil && (j.torn || n > 0)
	if err != nil {
		return fmt.Errorf("write the log of endings: %w", err)
	}
	return nil
}

func (j *Journal) turn() error {
	err := errors.Join(j.file.Sync(), j.file.Close(), os.Rename(j.name, j.name+".1"))
	if err != nil {
		err = fmt.Errorf("turn the log of endings: %w", err)
	}
	return errors.Join(err, j.open())
}

// Lines reads the journal and the one before it, oldest first. A line that was
// torn by a crash is left out.
func (j *Journal) Lines(each func(JournalLine) error) error {
	for _, name := range []string{j.name + ".1", j.name} {
		if err := lines(name, 0, each); err != nil {
			return err
		}
	}
	return nil
}

// tail is how much of the journal's end shows what was last; a commit of 512
// endings is a tenth of it.
const tail = 1 << 20

// last reads the end of the journal: a start does not wait for all of it.
func (j *Journal) last(each func(JournalLine) error) error {
	if j.size == 0 {
		return lines(j.name+".1", tail, each)
	}
	return lines(j.name, tail, each)
}

// lines reads a file's lines, of a long one only those in its last bytes (0:
// all).
func lines(name string, last int64, each func(JournalLine) error) error {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log of endings: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && last > 0 && info.Size() > last {
		if _, err := f.Seek(-last, io.SeekEnd); err != nil {
			return fmt.Errorf("read the log of endings: %w", err)
		}
	}
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log of endings: %w", err)
		}
		var l JournalLine
		if json.Unmarshal(bytes.TrimSpace(text), &l) != nil {
			continue
		}
		if err := each(l); err != nil {
			return err
		}
	}
}

// Close flushes the journal to the disk and closes it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.file.Sync(), j.file.Close())
}

// Made reports whether there was no journal in the folder.
func (j *Journal) Made() bool { return j.made }

// Behind reports whether the database is behind the journal: its position is
// earlier, its history another, or a token that the journal ended last lives
// in it.
func (s *Store) Behind(ctx context.Context, j *Journal) (bool, error) {
	var last JournalLine
	if err := j.last(func(l JournalLine) error {
		if l.Position >= last.Position {
			last.Position, last.Mark = l.Position, l.Mark
		}
		if len(l.Ends) > 0 {
			last.Ends = l.Ends
		}
		return nil
	}); err != nil {
		return false, err
	}
	at, err := s.Position(ctx)
	if err != nil {
		return false, err
	}
	if at.Position < last.Position || at.Position == last.Position && last.Mark != "" && at.Mark != last.Mark {
		return true, nil
	}
	for _, e := range last.Ends {
		t, err := s.Token(ctx, e.ID)
		if err != nil {
			return false, err
		}
		if t != nil && t.EndedAt == 0 {
			return true, nil
		}
	}
	return false, nil
}

// note writes to the journal what a commit ended, or that the position
// advanced. A journal that cannot be written is an alarm, not a reason to undo
// what is durable.
func (s *Store) note(ctx context.Context, tx *Tx) {
	if s.cfg.Journal == nil || len(tx.ends)+len(tx.secrets) == 0 && tx.position == 0 {
		return
	}
	l := JournalLine{Position: tx.position, Mark: tx.mark, Cuts: tx.cutoffs, Secrets: tx.secrets, Suspended: tx.suspended}
	for _, e := range tx.ends {
		l.Ends = append(l.Ends, JournalEnding{ID: e.ID, At: e.At, Reason: e.Reason, By: e.By})
	}
	if err := s.cfg.Journal.Append(l); err != nil {
		s.cfg.Log.ErrorContext(ctx, "the log of endings cannot be written: a restore of an older backup could revive what ends from now on",
			slog.Any("error", err))
	}
}
