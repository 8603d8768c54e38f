package store

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func invited(c *clock, workspace, person string, life time.Duration) *token.Invitation {
	return &token.Invitation{
		Workspace: workspace, Person: person, Email: person + "@a.example", Role: token.Member, Scopes: token.Scopes{"a:read"}, Narrowed: true,
		Teams: []string{"editors"}, Spaces: []string{"blog"}, MayImpersonate: true, ByKind: token.User, By: "usr_boss", ByName: "boss@a.example",
		CreatedAt: c.ms.Load(), ExpiresAt: c.now().Add(life).UnixMilli(),
	}
}

// TestInvitationIsKeptOnceAndTakenOnce: the newest stands, of two who take it one
// has it, and those of others stay as they are.
func TestInvitationIsKeptOnceAndTakenOnce(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		first, other := invited(c, "ws1", "usr_a", time.Hour), invited(c, "ws2", "usr_a", 2*time.Hour)
		newer := invited(c, "ws1", "usr_a", 3*time.Hour)
		newer.Role, newer.Narrowed, newer.Scopes, newer.Teams, newer.MayImpersonate, newer.ByName = token.Admin, false, nil, nil, false, "two@a.example"
		must(t, s.Do(ctx, func(tx *Tx) error {
			for _, i := range []*token.Invitation{first, other, newer, invited(c, "ws1", "usr_b", time.Hour)} {
				if err := tx.PutInvitation(ctx, i); err != nil {
					return err
				}
			}
			return nil
		}))
		mine, err := s.InvitationsOf(ctx, "usr_a", 10)
		must(t, err)
		if len(mine) != 2 || !reflect.DeepEqual(mine[0], other) || mine[1].Workspace != "ws1" || mine[1].Role != token.Admin || mine[1].ByName != "two@a.example" || mine[1].Narrowed {
			t.Errorf("theirs are %+v", mine)
		}
		page, err := s.Invitations(ctx, "ws1", "usr_a@a.example", 10)
		must(t, err)
		if len(page) != 1 || page[0].Person != "usr_b" {
			t.Errorf("after the first come %+v", page)
		}
		must(t, s.Do(ctx, func(tx *Tx) error {
			took, err := tx.TakeInvitation(ctx, "ws1", "usr_a")
			must(t, err)
			again, err := tx.TakeInvitation(ctx, "ws1", "usr_a")
			if took == nil || took.Role != token.Admin || again != nil {
				t.Errorf("took %+v, then %+v", took, again)
			}
			return err
		}))
		if mine, err = s.InvitationsOf(ctx, "usr_a", 10); err != nil || len(mine) != 1 {
			t.Errorf("left are %+v, %v", mine, err)
		}
	})
}

// TestInvitationsThatAreOverArePurged, and are in no list before they are.
func TestInvitationsThatAreOverArePurged(t *testing.T) {
	eachEngineAt(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		must(t, s.Do(ctx, func(tx *Tx) error {
			must(t, tx.PutInvitation(ctx, invited(c, "ws1", "usr_a", time.Hour)))
			return tx.PutInvitation(ctx, invited(c, "ws1", "usr_b", 2*time.Hour))
		}))
		c.pass(time.Hour)
		if page, err := s.Invitations(ctx, "ws1", "", 10); err != nil || len(page) != 1 {
			t.Errorf("waiting are %+v, %v", page, err)
		}
		if mine, err := s.InvitationsOf(ctx, "usr_a", 10); err != nil || len(mine) != 0 {
			t.Errorf("theirs are %+v, %v", mine, err)
		}
		purgeAll(t, s)
		left, err := all(ctx, s.reads, `SELECT person FROM invitations`, scanText)
		if err != nil || len(left) != 1 || left[0] != "usr_b" {
			t.Errorf("left are %q, %v", left, err)
		}
	})
}

func TestInvitationsAreFoundByAnIndex(t *testing.T) {
	s := open(t, "sqlite")
	for text, args := range map[string][]any{
		invitationsOf: {"usr_a", 5, 10}, invitationsTo: {"ws1", "a", 5, 10}, overInvitations: {5, 10},
	} {
		if plan := explain(t, s, text, args); strings.Contains(plan, "SCAN invitations") || text != overInvitations && strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") && !strings.Contains(plan, "LAST TERM") {
			t.Errorf("%s:\n%s", text, plan)
		}
	}
}
