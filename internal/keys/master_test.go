package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// master returns a master key that differs with its number.
func master(number byte) *Master {
	m := &Master{}
	for i := range m.key {
		m.key[i] = byte(i) ^ number
	}
	return m
}

func TestMasterFileIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first, err := LoadMaster(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, masterFile))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", info.Mode())
	}
	second, err := LoadMaster(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if first.key != second.key {
		t.Error("the second start has another key")
	}
	other, err := LoadMaster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if first.key == other.key {
		t.Error("two folders have the same key")
	}
}

func TestMasterFileReadableByOthersIsRefused(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601} {
		dir := t.TempDir()
		if _, err := LoadMaster(dir, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, masterFile), mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMaster(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: err = %v, want advice to chmod", mode, err)
		}
	}
}

func TestMasterFileWithoutKeyIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, masterFile)
	for _, text := range []string{"", "\n", "c2hvcnQ=\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMaster(dir, ""); err == nil || !strings.Contains(err.Error(), "restore it") {
			t.Errorf("file %q: err = %v, want advice to restore", text, err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("file %q became %q", text, got)
		}
	}
}

func TestMasterFileIsNotMadeInAMissingFolder(t *testing.T) {
	if _, err := LoadMaster(filepath.Join(t.TempDir(), "nowhere"), ""); err == nil {
		t.Error("no error")
	}
}

// A key that is made for a database that has one is a lie beside it.
func TestMasterFileIsNotMadeForADatabaseThatHasOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, masterFile)
	if _, err := FindMaster(dir, ""); err == nil || !strings.Contains(err.Error(), "bring back "+path) {
		t.Errorf("got %v, want advice to bring it back", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a file was made: %v", err)
	}
	made, err := LoadMaster(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := FindMaster(dir, ""); err != nil || found.key != made.key {
		t.Errorf("once it is there: %v, or another key", err)
	}
}

func TestMasterFromEnvironmentInAnySpelling(t *testing.T) {
	want := master(0xfb)
	raw := want.key[:]
	dir := t.TempDir()
	for _, env := range []string{
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		base64.StdEncoding.EncodeToString(raw) + "\n",
	} {
		got, err := LoadMaster(dir, env)
		if err != nil || got.key != want.key {
			t.Errorf("LoadMaster(%q): err = %v or another key", env, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, masterFile)); !os.IsNotExist(err) {
		t.Errorf("a file was made beside the environment's key: %v", err)
	}
}

func TestMasterFromEnvironmentRefusesWhatIsNotAKeyWithoutQuotingIt(t *testing.T) {
	for _, env := range []string{
		"hunter2hunter2", strings.Repeat("zz", 32), strings.Repeat("ab", 31), strings.Repeat("00", 32),
		base64.StdEncoding.EncodeToString(make([]byte, 33)), " ", strings.Repeat("!", 44),
	} {
		_, err := LoadMaster(t.TempDir(), env)
		if err == nil {
			t.Errorf("LoadMaster(%q): no error", env)
		} else if len(env) > 1 && strings.Contains(err.Error(), env) {
			t.Errorf("the error quotes the value: %v", err)
		}
	}
}

func TestSealedOpensOnlyAsItWasSealed(t *testing.T) {
	m := master(1)
	sealed, err := m.Seal("answers", []byte("plain text"), []byte("row 7"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Open("answers", sealed, []byte("row 7")); err != nil || string(got) != "plain text" {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if bytes.Contains(sealed, []byte("plain")) {
		t.Error("the plain text stands in what was sealed")
	}
	again, _ := m.Seal("answers", []byte("plain text"), []byte("row 7"))
	if bytes.Equal(sealed, again) {
		t.Error("two seals are equal: the nonce is not random")
	}
	opens := func(name string, m *Master, purpose string, bound string) {
		if got, err := m.Open(purpose, sealed, []byte(bound)); !errors.Is(err, errOpen) || got != nil {
			t.Errorf("%s: Open = %q, %v; want errOpen", name, got, err)
		}
	}
	opens("other master", master(2), "answers", "row 7")
	opens("other purpose", m, "answer", "row 7")
	opens("other binding", m, "answers", "row 8")
	opens("no binding", m, "answers", "")
}

func TestSealedRefusesEveryFlippedBitAndEveryCut(t *testing.T) {
	m := master(1)
	sealed, err := m.Seal("answers", []byte("plain"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := m.Open("answers", changed, nil); !errors.Is(err, errOpen) {
			t.Fatalf("bit %d flipped: err = %v", bit, err)
		}
	}
	for n := range sealed {
		if _, err := m.Open("answers", sealed[:n], nil); !errors.Is(err, errOpen) {
			t.Fatalf("cut to %d bytes: err = %v", n, err)
		}
	}
}

func TestSealedWithASecretNeedsMasterAndSecret(t *testing.T) {
	m := master(1)
	sealed, err := m.SealWith("fch_ref_old", "refresh", []byte("answer"), []byte("row"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.OpenWith("fch_ref_old", "refresh", sealed, []byte("row")); err != nil || string(got) != "answer" {
		t.Fatalf("OpenWith = %q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"other secret":  func() ([]byte, error) { return m.OpenWith("fch_ref_new", "refresh", sealed, []byte("row")) },
		"empty secret":  func() ([]byte, error) { return m.OpenWith("", "refresh", sealed, []byte("row")) },
		"master alone":  func() ([]byte, error) { return m.Open("refresh", sealed, []byte("row")) },
		"other master":  func() ([]byte, error) { return master(2).OpenWith("fch_ref_old", "refresh", sealed, []byte("row")) },
		"other purpose": func() ([]byte, error) { return m.OpenWith("fch_ref_old", "issue", sealed, []byte("row")) },
		"other binding": func() ([]byte, error) { return m.OpenWith("fch_ref_old", "refresh", sealed, []byte("wor")) },
	} {
		if got, err := try(); !errors.Is(err, errOpen) {
			t.Errorf("%s: %q, %v; want errOpen", name, got, err)
		}
	}
}

func TestDerivedKeysDifferByPurposeAndMaster(t *testing.T) {
	seen := map[string]string{}
	for name, key := range map[string][]byte{
		"one": master(1).Derive("one"), "two": master(1).Derive("two"), "other master": master(2).Derive("one"),
		"check": master(1).Check(), "empty purpose": master(1).Derive(""), "master": master(1).key[:],
		"sealing": master(1).derive(nil, "seal", "one"), "sealing with": master(1).derive(nil, "seal with", "one"),
	} {
		if len(key) != 32 {
			t.Errorf("%s: %d bytes, want 32", name, len(key))
		}
		if other, ok := seen[string(key)]; ok {
			t.Errorf("%s and %s are the same key", name, other)
		}
		seen[string(key)] = name
	}
	if !bytes.Equal(master(1).Derive("one"), master(1).Derive("one")) {
		t.Error("the same purpose gives two keys")
	}
}

func TestCheckTellsMastersApart(t *testing.T) {
	check := master(1).Check()
	if !master(1).Matches(check) {
		t.Error("the own check does not match")
	}
	for name, check := range map[string][]byte{"other": master(2).Check(), "empty": nil, "cut": check[:31], "key": master(1).key[:]} {
		if master(1).Matches(check) {
			t.Errorf("%s: matches", name)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	m := master(1)
	row, err := Generate(m, EdDSA, start)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := newSigner(row, m)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	for name, value := range map[string]any{"master": m, "master value": *m, "signer": signer, "signer value": *signer, "ring": NewRing(m)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%o", "%c", "%T%d"} {
			args := []any{value, value}[:strings.Count(verb, "%")]
			if got := strings.TrimPrefix(fmt.Sprintf(verb, args...), fmt.Sprintf("%T", value)); got != redaction {
				t.Errorf("%s with %s prints %q", name, verb, got)
			}
		}
		both, ok := value.(interface {
			fmt.Stringer
			fmt.GoStringer
		})
		if !ok {
			t.Fatalf("%s has no String or GoString", name)
		}
		if both.String() != redaction || both.GoString() != redaction {
			t.Errorf("%s: String %q, GoString %q", name, both.String(), both.GoString())
		}
		logged.Reset()
		log.Info("x", "secret", value)
		if !strings.Contains(logged.String(), `"secret":"`+redaction+`"`) {
			t.Errorf("%s logs %s", name, logged.String())
		}
	}
}

func TestRowPrintsItsNameAlone(t *testing.T) {
	row := Row{ID: "kid1", Alg: ES256, State: Active, Private: []byte{1, 2, 3}}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "key", row)
	for _, got := range []string{row.String(), fmt.Sprintf("%+v", row), fmt.Sprintf("%#v", row)} {
		if got != "ES256 key kid1 (active)" {
			t.Errorf("prints %q", got)
		}
	}
	if !strings.Contains(logged.String(), `key="ES256 key kid1 (active)"`) {
		t.Errorf("logs %s", logged.String())
	}
}
