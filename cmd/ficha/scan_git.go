package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/scan"
)

// What git is asked for. Whatever the repository's own configuration says, no
// program of its choosing is run and no colour is put in. A commit begins with
// the character 1, and its message stands behind a space.
var (
	plainDiff   = []string{"--patch", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"}
	stagedArgs  = append([]string{"diff", "--cached"}, plainDiff...)
	historyArgs = append([]string{"log", "--all", "--no-show-signature", "--diff-merges=first-parent", "--format=%x01%H %ct%n%w(0,1,1)%B%w()"}, plainDiff...)
)

// mostLine is the longest line that is looked at whole; of a longer one the
// pieces are, each with the end of the one before.
const (
	mostLine = 4 << 20
	overlap  = 16 << 10
)

// git looks through what the git program prints, as it prints it.
func (s *sweep) git(ctx context.Context, folder string, args []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	//nolint:gosec // the folder is the caller's own word, behind -C; the rest is ours
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", folder, "--no-pager", "-c", "core.quotePath=false", "-c", "core.fsmonitor=false"}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run git: %w", err)
	}
	if err := s.patches(out); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// A patch is where a diff is being read.
type patch struct {
	commit  string
	at      int64
	path    string
	line    int // of the next line that is added
	added   int // lines of the hunk that are still to come
	removed int
}

// patches looks through the lines that commits add, and their messages.
func (s *sweep) patches(out io.Reader) error {
	lines := bufio.NewReaderSize(out, mostLine)
	p := patch{}
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			s.line(&p, line)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			err = s.rest(&p, lines, line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read git's output: %w", err)
		}
	}
}

// rest looks through what follows of a line that is too long.
func (s *sweep) rest(p *patch, lines *bufio.Reader, begun []byte) error {
	if begun[0] != '+' {
		p = &patch{} // of what goes nothing is told
	}
	tail := bytes.Clone(begun[len(begun)-overlap:])
	for {
		piece, err := lines.ReadSlice('\n')
		whole := append(tail, piece...)
		if p.path != "" {
			s.tell(p, whole, p.line-1)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		tail = bytes.Clone(whole[len(whole)-overlap:])
	}
}

// line takes one line of a diff.
func (s *sweep) line(p *patch, line []byte) {
	switch {
	case p.added > 0 && line[0] == '+':
		p.added--
		p.line++
		s.tell(p, line[1:], p.line-1)
	case p.removed > 0 && line[0] == '-':
		p.removed--
	case line[0] == 1:
		hash, at, _ := strings.Cut(strings.TrimSpace(string(line[1:])), " ")
		seconds, _ := strconv.ParseInt(at, 10, 64)
		*p = patch{commit: hash, at: seconds, path: "(message)"}
	case line[0] == ' ':
		s.tell(p, line, 0)
	case bytes.HasPrefix(line, []byte("+++ ")):
		p.path = strings.TrimPrefix(strings.TrimSpace(string(line[4:])), "b/")
	case bytes.HasPrefix(line, []byte("@@ ")):
		p.hunk(string(line))
	}
}

// hunk reads "@@ -A,B +C,D @@": B lines go, D come, from line C on.
func (p *patch) hunk(head string) {
	words := strings.Fields(head)
	if len(words) < 3 {
		return
	}
	_, p.removed = linesOf(words[1])
	p.line, p.added = linesOf(words[2])
}

func linesOf(text string) (from, lines int) {
	first, count, several := strings.Cut(strings.TrimLeft(text, "+-"), ",")
	from, _ = strconv.Atoi(first)
	if !several {
		return from, 1
	}
	lines, _ = strconv.Atoi(count)
	return from, lines
}

// tell adds what a line holds. Of a secret that stands in one file in many
// commits the oldest is told: git shows the newest first.
func (s *sweep) tell(p *patch, text []byte, line int) {
	for _, m := range scan.Find(text, s.reader.Issuer) {
		m.Line = line
		f := finding{Match: m, Path: p.path, Commit: p.commit, At: p.at}
		place := [2]string{m.Secret, p.path}
		if i, known := s.places[place]; known {
			s.found[i] = f
			continue
		}
		if s.places == nil {
			s.places = map[[2]string]int{}
		}
		if len(s.found) < mostFindings {
			s.places[place] = len(s.found)
		}
		s.add(f)
	}
}
