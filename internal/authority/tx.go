package authority

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// A Tx is one rare deed: what it writes is committed together, or not at all.
type Tx interface {
	sweepTx
	leakTx
	webhookTx

	Now() int64
	Changed(changes ...token.Change)
	Cut(c token.Cutoff)
	Record(ctx context.Context, e *token.Event, outbox []token.Delivery) error
	Post(ctx context.Context, letters ...token.Letter) error
	Records(ctx context.Context, events []*token.Event, outbox []token.Delivery) error
	Notice(ctx context.Context, n token.Notice, secrets []token.ID) (map[token.ID]bool, error)
	MoveWatch(ctx context.Context, was, is token.Watch) (bool, error)
	PutCalendar(ctx context.Context, c token.Calendar) error
	EndCalendar(ctx context.Context, person, workspace string) (bool, error)
	TakePlace(ctx context.Context, q token.Quota) (bool, error)
	DescribeToken(ctx context.Context, credential token.ID, d token.Description) (bool, error)

	Workspace(ctx context.Context, id string) (*token.Workspace, error)
	WorkspaceNumbered(ctx context.Context, number int64) (string, error)
	LockWorkspace(ctx context.Context, id string) (bool, error)
	AddWorkspace(ctx context.Context, w *token.Workspace) (bool, error)
	PutWorkspace(ctx context.Context, w *token.Workspace) error
	PutRole(ctx context.Context, r token.Role) error
	DropRole(ctx context.Context, workspace, name string) error
	ClientToken(ctx context.Context, hash token.Hash) (*token.ClientToken, error)
	ClientTokens(ctx context.Context, workspace string) ([]*token.ClientToken, error)
	PutClientToken(ctx context.Context, c *token.ClientToken) (bool, error)
	ConfirmClientToken(ctx context.Context, workspace string, id token.ID) (bool, error)
	RetireClientToken(ctx context.Context, workspace string, id token.ID, at int64) (bool, error)
	DropClientToken(ctx context.Context, workspace string, id token.ID) (bool, error)
	EndClientToken(ctx context.Context, workspace string, hash token.Hash) (bool, error)
	RestoreClientToken(ctx context.Context, workspace string, hash token.Hash) (bool, error)
	NextNumber(ctx context.Context, table string) (int64, error)

	Person(ctx context.Context, id string) (*token.Person, error)
	PutMembership(ctx context.Context, m *token.Membership) error

	Client(ctx context.Context, id string) (*token.Client, error)
	ClientIDs(ctx context.Context, workspace string) ([]string, error)
	ClientNumbered(ctx context.Context, number int64) (string, error)
	LockClient(ctx context.Context, id string) (bool, error)
	AddClient(ctx context.Context, c *token.Client) (bool, error)
	PutClient(ctx context.Context, c *token.Client) error
	PutSecret(ctx context.Context, client string, s token.Secret) error
	EndSecret(ctx context.Context, client string, id token.ID) (bool, error)
	ConfirmSecret(ctx context.Context, client string, id token.ID) (bool, error)
	RetireSecret(ctx context.Context, client string, id token.ID, at int64) (bool, error)

	Scope(ctx context.Context, name string) (*token.ScopeInfo, error)
	PutScope(ctx context.Context, i *token.ScopeInfo) error
	DropScope(ctx context.Context, name string) (bool, error)
	Resource(ctx context.Context, identifier string) (*token.Resource, error)
	PutResource(ctx context.Context, r *token.Resource) error
	DropResource(ctx context.Context, r *token.Resource) (bool, error)

	AddKey(ctx context.Context, k token.SigningKey) (bool, error)
	Key(ctx context.Context, id string) (token.SigningKey, error)
	SetKeyState(ctx context.Context, id, from, to string, at int64) (bool, error)
	Subscriptions(ctx context.Context) ([]token.Webhook, error)

	Rotation(ctx context.Context, id token.ID) (*token.Rotation, error)
	RotationTo(ctx context.Context, secret token.ID) (*token.Rotation, error)
	OpenRotation(ctx context.Context, what token.Rotating, credential string) (*token.Rotation, error)
	AddRotation(ctx context.Context, r *token.Rotation) (bool, error)
	MoveRotation(ctx context.Context, was token.RotationState, r *token.Rotation) (bool, error)
	Secrets(ctx context.Context, credential token.ID) ([]*token.Token, error)
	ConfirmToken(ctx context.Context, id token.ID, at int64) (bool, error)
	RetireToken(ctx context.Context, id token.ID, at int64) (bool, error)
	MoveRotationWatch(ctx context.Context, age int64, was, is token.ID) (bool, error)
	SettleToken(ctx context.Context, id token.ID) error
	End(ctx context.Context, e token.Ending) (bool, error)
	TurnAlert(ctx context.Context, was, next token.Alert) (bool, error)
	AlertRules(ctx context.Context, workspace string) ([]byte, error)
	PutAlertRules(ctx context.Context, workspace string, rules []byte) error

	InsertToken(ctx context.Context, t *token.Token) error
	RefuseStale(ctx context.Context, t *token.Token) error
	Token(ctx context.Context, id token.ID) (*token.Token, error)
	Imported(ctx context.Context, hash token.Hash) (token.ID, error)
	Import(ctx context.Context, t *token.Token) (bool, error)
	ImportAgain(ctx context.Context, was token.ID, t *token.Token) (bool, error)
	Suspend(ctx context.Context, id token.ID, at, until int64) (bool, error)
	CountUse(ctx context.Context, id token.ID) (bool, error)
	TakeStatus(ctx context.Context, n int64) (int64, error)
	ServeRenewal(ctx context.Context, given token.ID, most int64) (bool, error)

	LockToken(ctx context.Context, id token.ID) (bool, error)
	Approve(ctx context.Context, id token.ID, by string) (bool, error)
	PutWalk(ctx context.Context, w token.Walk) error
	MoveWalk(ctx context.Context, w token.Walk, due int64, to token.Place) (bool, error)
	DropWalk(ctx context.Context, w token.Walk) (bool, error)
	IdleNotice(ctx context.Context, id token.ID) (int64, error)
	PutIdleNotice(ctx context.Context, id token.ID) error
	DropIdleNotice(ctx context.Context, id token.ID) error

	InsertGrant(ctx context.Context, g *token.Grant) error
	EndGrant(ctx context.Context, id token.ID, reason string) (bool, error)
	LapseGrant(ctx context.Context, id token.ID) (bool, error)
	DropGrant(ctx context.Context, id token.ID) (bool, error)
	InsertAuthorization(ctx context.Context, a *token.Authorization) error
	AnswerAuthorization(ctx context.Context, id token.ID, state token.AuthorizationState, grant token.ID) (bool, error)
}
