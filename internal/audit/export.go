package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/fichadev/ficha/internal/token"
)

// An exported ledger is JSON Lines: the public keys, and then each seal before
// its records. Records and seals are the canonical bytes that hashes and
// signatures are made over, so that whoever has the file and the keys needs
// neither this program nor its database.
type line struct {
	Key       *publicKey      `json:"key,omitempty"`
	Seal      json.RawMessage `json:"seal,omitempty"`
	KeyID     string          `json:"key_id,omitempty"`
	Signature string          `json:"signature,omitempty"`
	Record    json.RawMessage `json:"record,omitempty"`
}

// A publicKey is a key as SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
type publicKey struct {
	ID     string `json:"id"`
	Public []byte `json:"public"`
}

// ExportKeys writes the public part of keys, ended ones too.
func ExportKeys(to io.Writer, rows []token.SigningKey) error {
	out := json.NewEncoder(to)
	for _, row := range rows {
		if err := out.Encode(line{Key: &publicKey{row.ID, row.Public}}); err != nil {
			return fmt.Errorf("export a key: %w", err)
		}
	}
	return nil
}

// Export writes every seal of a workspace with its records, a seal at a time.
func Export(ctx context.Context, to io.Writer, workspace string, from Source) error {
	out := json.NewEncoder(to)
	for after := int64(0); ; {
		seals, err := from.Seals(ctx, workspace, after, sealPage)
		if err != nil {
			return fmt.Errorf("read seals: %w", err)
		}
		for _, v := range seals {
			if err := exportSeal(ctx, out, v, from); err != nil {
				return fmt.Errorf("export seal %d: %w", v.Number, err)
			}
			after = v.Number
		}
		if len(seals) < sealPage {
			return nil
		}
	}
}

func exportSeal(ctx context.Context, out *json.Encoder, v *token.Seal, from Source) error {
	content, err := v.Canonical()
	if err != nil {
		return err
	}
	records, err := from.SealedEvents(ctx, v)
	if err != nil {
		return err
	}
	if err := out.Encode(line{Seal: content, KeyID: v.Key, Signature: string(v.Signature)}); err != nil {
		return err
	}
	for _, e := range records {
		if content, err = e.Canonical(); err != nil {
			return err
		}
		if err := out.Encode(line{Record: content}); err != nil {
			return err
		}
	}
	return nil
}
