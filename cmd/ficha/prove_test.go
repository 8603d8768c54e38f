package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
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
