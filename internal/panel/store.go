package panel

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// Store is what the pages read and the judge does not know: lists. What is
// missing is nil or empty, never an error.
type Store interface {
	webhookReads
	auditReads
	memberReads
	applicationReads
	alertReads
	usageReads
	serverReads
	tokenReads
	leaverReads
	invitationReads
	Rotations(ctx context.Context, q token.RotationQuery) ([]*token.Rotation, error)
}
