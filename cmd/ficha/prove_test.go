package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/audit"
	"github.com/fichadev/ficha/internal/keys"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// What the command prints is enough for somebody who has never seen the
// database: it is followed here from the JSON alone.
func TestProofOfARecordStandsAlone(t *testing.T) {
	ctx := context.Background()
	h := servertest.Start(t, `
workspaces: [{id: ws1, name: Acme}]
users:
  - {email: ana@example.test, name: Ana, memberships: [{workspace: ws1, role: super_admin}]}
  - {email: bea@example.test, name: Bea, memberships: [{workspace: ws1, role: member}]}
`, nil)
	h.Clock.Move(time.Minute)
	sealer := audit.Sealer{Seals: h.Store, Signer: func() (audit.Signer, error) { return h.Ring.Signer(keys.ES256) }}
	if err := sealer.Run(ctx, h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	records, err := h.Store.Events(ctx, token.Trail{Workspace: "ws1"})
	if err != nil || len(records) < 3 {
		t.Fatalf("got %d records, %v, want at least 3", len(records), err)
	}
	for _, record := range records {
		seals, err := h.Store.Seals(ctx, "ws1", record.Seal-1, 1)
		if err != nil || record.Seal == 0 || len(seals) != 1 {
			t.Fatalf("record %v: got seal %d, %v", record.ID, record.Seal, err)
		}
		p, err := prove(ctx, h.Store, record, seals[0])
		if err != nil {
			t.Fatal(err)
		}
		follow(t, p)
	}
}

// follow reads the proof as an outsider does.
func follow(t *testing.T, p *proof) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var read proof
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	var seal struct {
		Root string `json:"root"`
	}
	if err := json.Unmarshal(read.Seal, &seal); err != nil {
		t.Fatal(err)
	}
	path := make([]token.Hash, len(read.Path))
	for i, step := range read.Path {
		path[i] = hash(t, step)
	}
	if !audit.Leads(token.HashOf(string(read.Record)), read.Index, int(read.Count), path, hash(t, seal.Root)) {
		t.Errorf("the path of record %s does not lead to the seal's root", read.Record)
	}
	if audit.Leads(token.HashOf(string(read.Record)+" "), read.Index, int(read.Count), path, hash(t, seal.Root)) {
		t.Error("another record leads to the root as well")
	}
}

func hash(t *testing.T, text string) (h token.Hash) {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		t.Fatalf("%q is no hash: %v", text, err)
	}
	copy(h[:], b)
	return h
}

// What is exported is verified and proven without the database, by the keys
// that were kept, and no others.
func TestExportedLedgerIsVerifiedElsewhere(t *testing.T) {
	ctx := context.Background()
	h := servertest.Start(t, "workspaces: [{id: ws1, name: Acme}]", nil)
	h.Clock.Move(time.Minute)
	sealer := audit.Sealer{Seals: h.Store, Signer: func() (audit.Signer, error) { return h.Ring.Signer(keys.ES256) }}
	if err := sealer.Run(ctx, h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	records, err := h.Store.Events(ctx, token.Trail{Workspace: "ws1"})
	if err != nil || len(records) == 0 {
		t.Fatal(records, err)
	}
	folder := t.TempDir()
	whole, part := filepath.Join(folder, "whole.jsonl"), filepath.Join(folder, "part.jsonl")
	export := auditExport{settings: settings{DataDir: h.Config.DataDir, Listen: "127.0.0.1:1"}, To: whole}
	if err := export.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := export.Run(ctx); err == nil {
		t.Error("an export was written over another")
	}
	id := records[0].ID.String()
	for name, command := range map[string]interface{ Run(context.Context) error }{
		"verify": &auditVerify{ledger: ledger{File: whole, Keys: whole}}, "prove": &auditProve{ledger: ledger{File: whole}, Record: id},
		"verify one": &auditVerify{ledger: ledger{File: whole, Of: "ws1"}},
	} {
		if err := command.Run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "Acme", "Evil", 1)
	if err := os.WriteFile(part, []byte(changed), 0o600); err != nil || changed == string(text) {
		t.Fatal(err)
	}
	empty := filepath.Join(folder, "empty.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]interface{ Run(context.Context) error }{
		"a record changed": &auditVerify{ledger: ledger{File: part, Keys: whole}}, "no keys": &auditVerify{ledger: ledger{File: whole, Keys: empty}},
		"prove without keys": &auditProve{ledger: ledger{File: whole, Keys: empty}, Record: id},
		"prove of nowhere":   &auditProve{ledger: ledger{File: empty, Keys: whole}, Record: id},
	} {
		if err := command.Run(ctx); err == nil {
			t.Errorf("%s: nobody saw it", name)
		}
	}
}
