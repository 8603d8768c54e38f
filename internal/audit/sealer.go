package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

// SealDelay is how old a record is when it is sealed. A commit that takes
// longer leaves a straggler, which gets a late seal.
const SealDelay = 30 * time.Second

// sealType is the typ of the signature's header: no token is a seal, and no
// seal a token.
const sealType = "ficha-seal"

// manySealed is how many workspaces one reading names.
const manySealed = 1000

// Seals is where a Sealer finds records and keeps seals.
type Seals interface {
	// Unsealed returns up to limit workspaces with unsealed records before an id.
	Unsealed(ctx context.Context, before token.ID, limit int) ([]string, error)
	// Seal claims the oldest of those records and keeps what closing makes of
	// them, in one commit; it reports whether there were any.
	Seal(ctx context.Context, workspace string, before token.ID,
		closing func(last *token.Seal, late bool, records []token.Leaf) (*token.Seal, error)) (bool, error)
}

// A Signer signs with one key, whose id is Key. SignAs appends the compact JWS
// of a payload (RFC 7515) to dst.
type Signer interface {
	Key() string
	SignAs(typ string, dst, payload []byte) ([]byte, error)
}

// A Sealer closes ranges of records. Any number of nodes may run one on the
// same store: of two that seal the same, one wins. Its fields must not be
// changed while it runs.
type Sealer struct {
	Seals  Seals
	Signer func() (Signer, error) // the key that signs now
}

// Run seals every record that is older than SealDelay at now. If we die in the
// middle, what is sealed is whole, and the next run goes on.
func (s *Sealer) Run(ctx context.Context, now time.Time) error {
	before := token.FirstID(now.Add(-SealDelay))
	for {
		workspaces, err := s.Seals.Unsealed(ctx, before, manySealed)
		if err != nil {
			return fmt.Errorf("look for records to seal: %w", err)
		}
		sealed := false
		for _, w := range workspaces {
			one, err := s.seal(ctx, w, before, now)
			if err != nil {
				return fmt.Errorf("workspace %q: %w", w, err)
			}
			sealed = sealed || one
		}
		if !sealed {
			return nil // nothing is left, or another node is at it
		}
	}
}

func (s *Sealer) seal(ctx context.Context, workspace string, before token.ID, now time.Time) (bool, error) {
	signer, err := s.Signer()
	if err != nil {
		return false, err
	}
	return s.Seals.Seal(ctx, workspace, before, func(last *token.Seal, late bool, records []token.Leaf) (*token.Seal, error) {
		v := closed(workspace, last, records)
		v.Late, v.At = late, now.UnixMilli()
		return v, sign(v, signer)
	})
}

// closed returns the seal over records that follows the last one.
func closed(workspace string, last *token.Seal, records []token.Leaf) *token.Seal {
	v := &token.Seal{
		Workspace: workspace, Number: 1, Totals: map[string]int64{},
		First: records[0].ID, Last: records[len(records)-1].ID, Count: int64(len(records)),
	}
	if last != nil {
		v.Number, v.Previous = last.Number+1, last.Hash
		maps.Copy(v.Totals, last.Totals)
	}
	hashes := make([]token.Hash, len(records))
	for i, r := range records {
		hashes[i] = r.Hash
		v.Totals[r.Action]++
	}
	v.Root = Root(hashes)
	return v
}

// sign sets hash and signature. The signature is a JWS with detached content
// (RFC 7515, appendix F): whoever has the seal has the content.
func sign(v *token.Seal, signer Signer) error {
	content, err := v.Canonical()
	if err != nil {
		return err
	}
	if v.Hash, err = v.Sum(); err != nil {
		return err
	}
	whole, err := signer.SignAs(sealType, nil, content)
	if err != nil {
		return fmt.Errorf("sign a seal: %w", err)
	}
	parts := bytes.Split(whole, []byte("."))
	if len(parts) != 3 {
		return fmt.Errorf("sign a seal: %d parts of a signature, want 3", len(parts))
	}
	v.Key, v.Signature = signer.Key(), bytes.Join([][]byte{parts[0], nil, parts[2]}, []byte("."))
	return nil
}
