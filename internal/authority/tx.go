package authority

import (
	"context"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A Tx is one rare deed: what it writes is committed together, or not at all.
type Tx interface {
	Now() int64
	Changed(changes ...token.Change)
	Cut(c token.Cutoff)
	Record(ctx context.Context, e *token.Event, outbox []token.Delivery) error

	Workspace(ctx context.Context, id string) (*token.Workspace, error)
	PutWorkspace(ctx context.Context, w *token.Workspace) error
	PutRole(ctx context.Context, r token.Role) error
	DropRole(ctx context.Context, workspace, name string) error
	PutClientToken(ctx context.Context, workspace string, hash token.Hash, lastFour string) (bool, error)
	NextNumber(ctx context.Context, table string) (int64, error)

	Client(ctx context.Context, id string) (*token.Client, error)
	PutClient(ctx context.Context, c *token.Client) error
	PutSecret(ctx context.Context, client string, s token.Secret) error
	EndSecret(ctx context.Context, client string, id token.ID) (bool, error)

	PutScope(ctx context.Context, i *token.ScopeInfo) error
	PutResource(ctx context.Context, r *token.Resource) error
	PutWebhook(ctx context.Context, h token.Webhook, sealedSecret []byte) error
	EndWebhook(ctx context.Context, workspace string, id token.ID) (bool, error)

	InsertToken(ctx context.Context, t *token.Token) error
	Import(ctx context.Context, t *token.Token) (bool, error)
	Suspend(ctx context.Context, id token.ID, at, until int64) (bool, error)
	CountUse(ctx context.Context, id token.ID) (bool, error)
	TakeStatus(ctx context.Context, n int64) (int64, error)
	ServeAnswer(ctx context.Context, key token.Hash, most int64) (bool, error)

	InsertGrant(ctx context.Context, g *token.Grant) error
	EndGrant(ctx context.Context, id token.ID, reason string) (bool, error)
	InsertAuthorization(ctx context.Context, a *token.Authorization) error
	AnswerAuthorization(ctx context.Context, id token.ID, state token.AuthorizationState, grant token.ID) (bool, error)
}

// splitActor reads the act of an impersonated token.
func splitActor(s string) (token.ActorKind, string) {
	kind, id, _ := strings.Cut(s, ":")
	return token.ActorKind(kind), id
}
