package authority_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/server"
	"github.com/fichadev/ficha/internal/server/servertest"
	"github.com/fichadev/ficha/internal/token"
)

// TestTokenIsNotTakenOutOfItsOwnersCount: where tokens are counted by their
// owner, none is left without one.
func TestTokenIsNotTakenOutOfItsOwnersCount(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{MaxPerOwner: map[token.Kind]int64{token.Service: 1}})
	out := h.issue(service(func(o *authority.Order) { o.Owner, o.Purpose = "billing", "deploys" }))
	nobody, nothing := "", ""
	err := h.Authority.Describe(t.Context(), h.as("admin@example.test"), out.Token, token.Description{Owner: &nobody})
	if !token.Is(err, token.Invalid) {
		t.Errorf("without an owner: %v, want Invalid", err)
	}
	if err := h.Authority.Describe(t.Context(), h.as("admin@example.test"), out.Token, token.Description{Purpose: &nothing}); err != nil {
		t.Errorf("without a purpose, which nobody requires: %v", err)
	}
}

// TestNobodyIsGivenMoreThanTheyMayHave: of several tokens none is given where
// one of them finds no place.
func TestNobodyIsGivenMoreThanTheyMayHave(t *testing.T) {
	h := startPoliced(t)
	h.put(token.Policy{MaxPerOwner: map[token.Kind]int64{token.Service: 2}})
	var all []*token.Token
	for _, owner := range []string{"billing", "billing", "shop"} {
		all = append(all, h.issue(service(func(o *authority.Order) { o.Owner, o.Purpose = owner, "deploys" })).Token)
	}
	give := func(owner string, which ...*token.Token) (int, error) {
		var ids []token.ID
		for _, k := range which {
			ids = append(ids, k.ID)
		}
		return h.Authority.GivePicked(t.Context(), h.as("admin@example.test"), all[0].Workspace, ids, owner)
	}
	if n, err := give("shop", all[:2]...); !token.Is(err, token.Invalid) {
		t.Errorf("gave %d, %v; want Invalid", n, err)
	}
	shop := "shop"
	if err := h.Authority.Describe(t.Context(), h.as("admin@example.test"), all[0], token.Description{Owner: &shop}); err != nil {
		t.Errorf("the second: %v", err)
	}
	if err := h.Authority.Describe(t.Context(), h.as("admin@example.test"), all[1], token.Description{Owner: &shop}); !token.Is(err, token.Invalid) {
		t.Errorf("the third: %v, want Invalid", err)
	}
	if n, err := give("shop", all[0], all[2]); n != 0 || err != nil {
		t.Errorf("what is theirs already: %d, %v", n, err)
	}
}

// TestNewOwnerIsToldWhatCameToThem, in one letter, unless they did it themselves.
func TestNewOwnerIsToldWhatCameToThem(t *testing.T) {
	h := &policed{servertest.Start(t, policyHouse, func(c *server.Config) { c.SMTPURL, c.MailFrom = "smtp://127.0.0.1:1", "ficha@example.test" }), t}
	var ids []token.ID
	for _, name := range []string{"deploy", "backup"} {
		ids = append(ids, h.issue(service(func(o *authority.Order) { o.Name, o.Owner, o.Purpose = name, "billing", "runs" })).Token.ID)
	}
	admin := h.as("admin@example.test")
	if n, err := h.Authority.GivePicked(t.Context(), admin, "ws1", ids, h.as("one@example.test").ID); n != 2 || err != nil {
		t.Fatalf("gave %d, %v", n, err)
	}
	if n, err := h.Authority.GivePicked(t.Context(), admin, "ws1", ids, admin.ID); n != 2 || err != nil {
		t.Fatalf("gave %d back, %v", n, err)
	}
	first, err := h.Store.ClaimLetter(t.Context(), time.Hour)
	if err != nil || first == nil || first.Kind != token.LetterTokensReceived || first.Data["from"] != "billing" || strings.Count(first.Data["tokens"], "\n") != 1 {
		t.Errorf("the letter is %+v, %v", first, err)
	}
	if more, err := h.Store.ClaimLetter(t.Context(), time.Hour); more != nil || err != nil {
		t.Errorf("one more letter: %+v, %v", more, err)
	}
}
