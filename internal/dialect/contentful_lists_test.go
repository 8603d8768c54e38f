package dialect_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/authority"
	"github.com/fichadev/ficha/internal/identity"
	"github.com/fichadev/ficha/internal/token"
)

// query writes filters as a caller does.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

func TestContentfulListsAreNarrowedByEveryFilterOfTheContract(t *testing.T) {
	h := newCMS(t)
	me := h.manage("mia@example.test") // at 12:00, and used by every call
	made := map[string]string{}
	create := func(name string, expiresIn any) (secret string) {
		h.Clock.Move(time.Hour)
		a := h.is(name, h.create(me, map[string]any{"name": name, "expiresIn": expiresIn}), 201)
		made[stringAt(a.JSON, "sys", "id")] = name
		return stringAt(a.JSON, "token")
	}
	forever := create("100% forever", nil) // 13:00
	create("brief", 600)                   // 14:00 to 14:10
	create("long", 30*24*3600)             // 15:00
	create("gone", nil)                    // 16:00, revoked at 17:00
	h.Clock.Move(time.Hour)
	gone := itemIDs(h.call("GET", "/users/me/access_tokens", me, nil))[0]
	h.is("revoke", h.call("PUT", "/users/me/access_tokens/"+gone+"/revoked", me, nil), 200)
	if err := h.Verifier.WriteUses(t.Context(), h.Store.FlushUses); err != nil { // as a job does every 10 s
		t.Fatal(err)
	}
	h.Clock.Move(time.Hour) // 18:00

	const all = "gone long brief 100% forever first of mia@example.test"
	for _, c := range []struct {
		want  string
		pairs []string
	}{
		{all, nil},
		{"long, 100% forever, first of mia@example.test", []string{"sys.expiresAt[gt]", "2026-11-22T18:00:00.000Z", "revokedAt", ""}},     // as the SDK writes null
		{"long, 100% forever, first of mia@example.test", []string{"sys.expiresAt[gt]", "2026-11-22T18:00:00.000Z", "revokedAt", "null"}}, // the document's active ones
		{"long, 100% forever, first of mia@example.test", []string{"sys.expiresAt[gt]", "NOW", "revokedAt", "null"}},
		{"brief", []string{"sys.expiresAt[lt]", "2026-11-22T18:00:00Z", "revokedAt", "null"}}, // the expired ones
		{"gone", []string{"revokedAt[lt]", "NOW"}}, // the revoked ones
		{"gone", []string{"sys.revokedAt[lt]", "NOW"}},
		{"gone", []string{"sys.revokedAt[gte]", "2026-11-22T17:00"}},
		{"", []string{"revokedAt[gt]", "2026-11-22T17:00:00Z"}},
		{"gone", []string{"revokedAt[exists]", "true"}},
		{"long, brief, 100% forever, first of mia@example.test", []string{"sys.revokedAt", "null"}},
		{"long, brief", []string{"sys.expiresAt[exists]", "true"}},
		{"gone, 100% forever, first of mia@example.test", []string{"sys.expiresAt[exists]", "false"}},
		{"gone, 100% forever, first of mia@example.test", []string{"sys.expiresAt", "null"}},
		{"brief", []string{"sys.expiresAt[lte]", "2026-11-22T14:10:00Z"}},
		{"", []string{"sys.expiresAt[lt]", "2026-11-22T14:10:00Z"}},
		{"gone, long, 100% forever, first of mia@example.test", []string{"sys.expiresAt[gt]", "2026-11-22T14:10:00Z"}},
		{"gone, long, brief, 100% forever, first of mia@example.test", []string{"sys.expiresAt[gte]", "2026-11-22T14:10:00Z"}},
		{"gone, long", []string{"sys.createdAt[gt]", "2026-11-22T14:00:00Z"}},
		{"gone, long, brief", []string{"sys.createdAt[gte]", "2026-11-22T14:00:00Z"}},
		{"100% forever, first of mia@example.test", []string{"sys.createdAt[lt]", "2026-11-22T16:00:00+02:00"}},
		{"brief, 100% forever", []string{"sys.createdAt[gte]", "2026-11-22T13:00:00Z", "sys.createdAt[lte]", "2026-11-22T14:00:00Z"}},
		{"", []string{"sys.createdAt[gt]", "2026-11-23"}},
		{"", []string{"sys.createdAt[gt]", "9999-12-31"}},
		{all, []string{"sys.createdAt[gt]", "1970-01-01T00:00:00.000Z"}}, // JavaScript's new Date(0)
		{all, []string{"sys.createdAt[gte]", "0001-01-01"}},
		{"", []string{"sys.createdAt[lt]", "1969-12-31T23:59:59Z"}},
		{"gone", []string{"revokedAt[gte]", "1970-01-01"}},
		{"", []string{"revokedAt[lte]", "1970-01-01"}},
		{"first of mia@example.test", []string{"sys.lastUsedAt[gt]", "1969-01-01"}},
		{"first of mia@example.test", []string{"sys.lastUsedAt[gt]", "2026-11-22"}},
		{"gone, long, brief, 100% forever", []string{"sys.lastUsedAt", "null"}},
		{"", []string{"sys.lastUsedAt[lt]", "2026-11-22"}},
		{"100% forever", []string{"query", "0% FOR"}},
		{"100% forever", []string{"query", forever[len(forever)-4:]}},
		{"", []string{"query", forever[len(forever)-5:]}},
		{all, []string{"sys.type[in]", "CLIToken,PersonalAccessToken"}},
		{"", []string{"sys.type[in]", "CLIToken,OAuthApplication"}},
		{all, []string{"sys.type", "PersonalAccessToken"}},
	} {
		a := h.is(fmt.Sprint(c.pairs), h.call("GET", "/users/me/access_tokens"+query(c.pairs...), me, nil), 200)
		names := []string{}
		for i := range itemIDs(a) {
			names = append(names, stringAt(a.JSON, "items", i, "name"))
		}
		want := strings.ReplaceAll(c.want, all, "gone, long, brief, 100% forever, first of mia@example.test")
		if got := strings.Join(names, ", "); got != want || a.JSON["total"] != float64(len(names)) {
			t.Errorf("%v: got %q of %v, want %q", c.pairs, got, a.JSON["total"], want)
		}
	}
}

func TestContentfulPagesHaveTheWholeTotal(t *testing.T) {
	h := newCMS(t)
	me := h.manage("mia@example.test")
	for i := range 4 {
		h.is("create", h.create(me, map[string]any{"name": fmt.Sprint(i)}), 201)
		h.Clock.Move(time.Second)
	}
	var got []string
	for _, skip := range []string{"0", "2", "4", "9"} {
		a := h.is("page", h.call("GET", "/users/me/access_tokens"+query("skip", skip, "limit", "2"), me, nil), 200)
		got = append(got, itemIDs(a)...)
		if a.JSON["total"] != 5.0 || a.JSON["limit"] != 2.0 || fmt.Sprint(a.JSON["skip"]) != skip {
			t.Errorf("skip %s: got %s", skip, a.Body)
		}
	}
	if len(got) != 5 || !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("got %v, want five, newest first", got)
	}
}

// What the vendor's own command line asks for: the order, the links, a member by
// user id, and arrays as the SDK writes them.
func TestContentfulListsAreSortedAndSearchedAsTheVendorsProgramsAsk(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	for range 4 {
		h.Clock.Move(time.Second)
		h.manage("owner@example.test")
	}
	for _, path := range []string{"/users/me/access_tokens", "/organizations/ws1/access_tokens", "/organizations/ws1/organization_memberships", "/organizations"} {
		all := itemIDs(h.is("all", h.call("GET", path+"?order=sys.createdAt,sys.id&limit=100", me, nil), 200))
		for order, want := range map[string][]string{"sys.createdAt": all, "-sys.createdAt,sys.id": backwards(all), "-sys.id": backwards(all)} {
			var got []string
			for skip := 0; skip <= len(all); skip += 2 {
				a := h.is(path, h.call("GET", path+query("order", order, "skip", strconv.Itoa(skip), "limit", "2"), me, nil), 200)
				got = append(got, itemIDs(a)...)
				if a.JSON["total"] != float64(len(all)) || a.JSON["skip"] != float64(skip) || a.JSON["limit"] != 2.0 {
					t.Errorf("%s by %s: %s", path, order, a.Body)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s by %s: got %v, want %v", path, order, got, want)
			}
		}
	}
	h.is("links", h.call("GET", "/organizations/ws1/access_tokens?include=sys.user&order=-sys.createdAt&revokedAt=", me, nil), 200)
	for search, want := range map[string]float64{h.id("mia@example.test"): 1, "Mia@example.test": 1, "nobody": 0, "nobody@example.test": 0} {
		a := h.is(search, h.call("GET", "/organizations/ws1/organization_memberships"+query("query", search, "include", "sys.user"), me, nil), 200)
		if a.JSON["total"] != want || float64(len(itemIDs(a))) != want {
			t.Errorf("%s: got %s, want %v", search, a.Body, want)
		}
	}
	for types, want := range map[string]bool{"sys.type[in][0]=CLIToken&sys.type[in][1]=PersonalAccessToken": true, "sys.type[in][]=CLIToken": false, "sys.type[in]=CLIToken,PersonalAccessToken": true} {
		if a := h.is(types, h.call("GET", "/users/me/access_tokens?"+types, me, nil), 200); (len(itemIDs(a)) > 0) != want {
			t.Errorf("%s: got %s", types, a.Body)
		}
	}
}

func backwards(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Reverse(ids)
	return ids
}

func TestContentfulQueryThatCannotBeReadIsRefused(t *testing.T) {
	h := newCMS(t)
	me := h.manage("owner@example.test")
	for _, bad := range []string{
		"?limit=0", "?limit=1001", "?limit=x", "?skip=-1", "?skip=99999999999999999999", "?order=sys.updatedAt", "?order=sys.createdAt,name", "?include=name", "?include[in]=sys.user", "?name=x", "?sys.expiresAt=2026-01-01",
		"?sys.expiresAt[near]=2026-01-01", "?sys.expiresAt[gt=2026-01-01", "?sys.expiresAt[]]=null",
		"?sys.expiresAt[gt]=soon", "?sys.expiresAt[gt]=", "?sys.createdAt[gt]=-1", "?revokedAt[lt]=null", "?revokedAt=false",
		"?skip=1&skip=2", "?%zz", "?query=%00", "?sys.type[gt]=x", "?sys.expiresAt[exists]=maybe", "?" + strings.Repeat("a", 300) + "=b",
	} {
		h.isError("own"+bad, h.call("GET", "/users/me/access_tokens"+bad, me, nil), 400, "InvalidQuery")
		h.isError("organization"+bad, h.call("GET", "/organizations/ws1/access_tokens"+bad, me, nil), 400, "InvalidQuery")
	}
	for _, path := range []string{"/organizations", "/organizations/ws1/organization_memberships"} {
		h.isError(path, h.call("GET", path+"?revokedAt=null", me, nil), 400, "InvalidQuery")
		h.isError(path, h.call("GET", path+"?limit=5000", me, nil), 400, "InvalidQuery")
	}
}

func TestContentfulOrganizationSeesTheTokensThatOpenItAndWhoseTheyAre(t *testing.T) {
	h := newCMS(t)
	admin := h.manage("admin@example.test")
	mia := h.id("mia@example.test")
	_, open := h.give(authority.Order{Kind: token.Personal, Person: mia, Scopes: token.Scopes{token.ReadContent}, Name: "everywhere"})
	_, bound := h.give(authority.Order{Kind: token.Personal, Person: mia, Workspace: "ws1", Scopes: token.Scopes{token.ReadContent}, Name: "here"})
	_, other := h.give(authority.Order{Kind: token.Personal, Person: mia, Workspace: "ws2", Scopes: token.Scopes{token.ReadContent}, Name: "elsewhere"})
	h.manage("stranger@example.test")

	a := h.is("list", h.call("GET", "/organizations/ws1/access_tokens", admin, nil), 200)
	got := itemIDs(a)
	if len(got) != 3 || a.JSON["total"] != 3.0 || !slices.Contains(got, open) || !slices.Contains(got, bound) || slices.Contains(got, other) {
		t.Fatalf("got %s, want the admin's token and two of mia's", a.Body)
	}
	item := valueAt(a.JSON, "items", slices.Index(got, open))
	sameJSON(t, "user", valueAt(item, "sys", "user"), map[string]any{"sys": map[string]any{"type": "Link", "linkType": "User", "id": mia}})
	if stringAt(item, "name") != "everywhere" || len(stringAt(item, "sys", "redactedValue")) != 4 || valueAt(item, "token") != nil {
		t.Errorf("got %v, want it redacted, with its name", item)
	}
	a = h.call("GET", "/organizations/ws1/access_tokens"+query("query", "everyw"), admin, nil)
	if !slices.Equal(itemIDs(a), []string{open}) {
		t.Errorf("by name: got %s", a.Body)
	}
}

// Another tenant is as an unknown one, and nothing of it shines through.
func TestContentfulOrganizationOfOthersIsNotFound(t *testing.T) {
	h := newCMS(t)
	owner, member, stranger := h.manage("owner@example.test"), h.manage("max@example.test"), h.manage("stranger@example.test")
	bound, _ := h.give(authority.Order{
		Kind: token.Personal, Person: h.id("mia@example.test"), Workspace: "ws2", Scopes: token.Scopes{token.ManageContent}, Name: "ws2 only",
	})
	membership := itemIDs(h.call("GET", "/organizations/ws1/organization_memberships", owner, nil))[0]
	for _, path := range []string{"access_tokens", "organization_memberships", "organization_memberships/" + membership} {
		for what, secret := range map[string]string{"a stranger": stranger, "a token for another one": bound} {
			foreign := h.call("GET", "/organizations/ws1/"+path, secret, nil)
			unknown := h.call("GET", "/organizations/nowhere/"+path, secret, nil)
			h.isError(path+" by "+what, foreign, 404, "NotFound")
			delete(foreign.JSON, "requestId")
			delete(unknown.JSON, "requestId")
			sameJSON(t, path+" by "+what, foreign.JSON, unknown.JSON)
		}
	}
	h.isError("removing by a stranger", h.call("DELETE", "/organizations/ws1/organization_memberships/"+membership, stranger, nil), 404, "NotFound")
	h.isError("by way of one's own", h.call("DELETE", "/organizations/ws2/organization_memberships/"+membership, stranger, nil), 404, "NotFound")
	h.isError("tokens for a plain member", h.call("GET", "/organizations/ws1/access_tokens", member, nil), 403, "AccessDenied")
}

func TestContentfulListsTheOrganizationsThatTheTokenOpens(t *testing.T) {
	h := newCMS(t)
	mia := h.id("mia@example.test")
	at := "2026-11-22T12:00:00.000Z"
	one := map[string]any{"sys": map[string]any{"type": "Organization", "id": "ws1", "version": 1, "createdAt": at, "updatedAt": at}, "name": "One"}
	open := h.manage("mia@example.test")
	bound, _ := h.give(authority.Order{Kind: token.Personal, Person: mia, Workspace: "ws1", Scopes: token.Scopes{token.ReadContent}, Name: "bound"})
	robot, _ := h.give(authority.Order{Kind: token.Service, Workspace: "ws1", Scopes: token.Scopes{token.ReadContent}, Name: "robot"})

	a := h.is("list", h.call("GET", "/organizations", open, nil), 200)
	if !slices.Equal(itemIDs(a), []string{"ws1", "ws2"}) || a.JSON["total"] != 2.0 {
		t.Errorf("got %s, want both", a.Body)
	}
	sameJSON(t, "item", valueAt(a.JSON, "items", 0), one)
	a = h.is("page", h.call("GET", "/organizations"+query("skip", "1", "limit", "1"), open, nil), 200)
	if !slices.Equal(itemIDs(a), []string{"ws2"}) || a.JSON["total"] != 2.0 {
		t.Errorf("second page: got %s", a.Body)
	}
	a = h.is("far page", h.call("GET", "/organizations"+query("skip", "9"), open, nil), 200)
	sameJSON(t, "nothing", a.JSON["items"], []any{})
	for what, secret := range map[string]string{"bound": bound, "a program": robot} {
		if a := h.call("GET", "/organizations", secret, nil); !slices.Equal(itemIDs(a), []string{"ws1"}) {
			t.Errorf("%s: got %s, want ws1", what, a.Body)
		}
	}
	h.isError("a program with nobody behind it", h.call("GET", "/organizations/ws1/access_tokens", robot, nil), 403, "AccessDenied")
	h.isError("a program with nobody behind it", h.call("GET", "/organizations/ws1/organization_memberships", robot, nil), 403, "AccessDenied")
	sponsored, _ := h.give(authority.Order{Kind: token.Service, Workspace: "ws1", Sponsor: h.id("admin@example.test"), Scopes: token.Scopes{token.ManageContent}, Name: "of an admin"})
	h.is("a program of an admin", h.call("GET", "/organizations/ws1/access_tokens", sponsored, nil), 200)
	h.isError("removing by a program", h.call("DELETE", "/organizations/ws1/organization_memberships/x", sponsored, nil), 403, "AccessDenied")
}

// memberships returns the ids of an organization's memberships by user id.
func (h cms) memberships(org, secret string) map[string]string {
	h.t.Helper()
	a := h.is("memberships", h.call("GET", "/organizations/"+org+"/organization_memberships", secret, nil), 200)
	list := map[string]string{}
	for i, id := range itemIDs(a) {
		list[stringAt(a.JSON, "items", i, "sys", "user", "sys", "id")] = id
	}
	return list
}

func TestContentfulMembershipsHaveTheContractsFields(t *testing.T) {
	h := newCMS(t)
	owner, mia := h.manage("owner@example.test"), h.manage("mia@example.test")
	list := h.memberships("ws1", owner)
	if len(list) != 4 {
		t.Fatalf("got %v, want four members", list)
	}
	at := "2026-11-22T12:00:00.000Z"
	for email, role := range map[string]string{"owner@example.test": "owner", "admin@example.test": "admin", "mia@example.test": "member"} {
		id := list[h.id(email)]
		a := h.is(email, h.call("GET", "/organizations/ws1/organization_memberships/"+id, owner, nil), 200)
		sameJSON(t, email, a.JSON, map[string]any{
			"sys": map[string]any{
				"type": "OrganizationMembership", "id": id, "version": 1, "createdAt": at, "updatedAt": at,
				"user": map[string]any{"sys": map[string]any{"type": "Link", "linkType": "User", "id": h.id(email)}},
			},
			"role": role, "status": true,
		})
	}
	if own := h.memberships("ws1", mia); len(own) != 1 || own[h.id("mia@example.test")] != list[h.id("mia@example.test")] {
		t.Errorf("a plain member sees %v, want their own membership", own)
	}
	h.isError("another's", h.call("GET", "/organizations/ws1/organization_memberships/"+list[h.id("owner@example.test")], mia, nil), 404, "NotFound")
	a := h.call("GET", "/organizations/ws1/organization_memberships"+query("skip", "3", "limit", "2"), owner, nil)
	if len(itemIDs(a)) != 1 || a.JSON["total"] != 4.0 {
		t.Errorf("last page: got %s", a.Body)
	}
}

func TestContentfulRemovedMemberLosesTheOrganizationWithEveryToken(t *testing.T) {
	h := newCMS(t)
	owner, mia := h.manage("owner@example.test"), h.manage("mia@example.test")
	second := stringAt(h.is("create", h.create(mia, map[string]any{}), 201).JSON, "token")
	bound, _ := h.give(authority.Order{
		Kind: token.Personal, Person: h.id("mia@example.test"), Workspace: "ws1", Scopes: token.Scopes{token.ManageContent}, Name: "ws1 only",
	})
	path := "/organizations/ws1/organization_memberships/" + h.memberships("ws1", owner)[h.id("mia@example.test")]
	a := h.is("remove", h.call("DELETE", path, owner, nil), 204)
	if len(a.Body) != 0 || a.Header.Get("X-Contentful-Request-Id") == "" {
		t.Errorf("got %q %v, want no body", a.Body, a.Header)
	}
	for what, secret := range map[string]string{"first": mia, "second": second} {
		h.isError(what, h.call("GET", "/organizations/ws1/access_tokens", secret, nil), 404, "NotFound")
		if a := h.call("GET", "/organizations", secret, nil); !slices.Equal(itemIDs(a), []string{"ws2"}) {
			t.Errorf("%s: got %s, want ws2 alone", what, a.Body)
		}
		h.is(what+" elsewhere", h.call("GET", "/organizations/ws2/access_tokens", secret, nil), 200)
	}
	h.isError("bound", h.call("GET", "/users/me", bound, nil), 401, "AccessTokenInvalid")
	a = h.call("GET", "/users/me/access_tokens?revokedAt[lte]=NOW", mia, nil)
	if a.JSON["total"] != 1.0 || stringAt(a.JSON, "items", 0, "name") != "ws1 only" {
		t.Errorf("got %s, want the one for ws1 alone revoked", a.Body)
	}
	h.Clock.Move(time.Hour)
	ended := h.is("revoke what has ended", h.call("PUT", "/users/me/access_tokens/"+stringAt(a.JSON, "items", 0, "sys", "id")+"/revoked", mia, nil), 200)
	if stringAt(ended.JSON, "revokedAt") != "2026-11-22T12:00:00.000Z" {
		t.Errorf("got %s, want the time at which the membership ended", ended.Body)
	}
	a = h.call("GET", "/organizations/ws1/access_tokens", owner, nil)
	if a.JSON["total"] != 1.0 {
		t.Errorf("got %s, want the owner's token alone", a.Body)
	}
	h.isError("again", h.call("DELETE", path, owner, nil), 404, "NotFound")

	who := token.Actor{Kind: token.System, ID: "apply"}
	back := identity.DeclaredMembership{Workspace: "ws1", Role: token.Member}
	if _, err := h.Identity.PutMembership(t.Context(), who, h.id("mia@example.test"), back, identity.Options{Restore: true}); err != nil {
		t.Fatal(err)
	}
	h.isError("an old token of who came back", h.call("GET", "/organizations/ws1/organization_memberships", second, nil), 404, "NotFound")
	if a := h.call("GET", "/organizations/ws1/access_tokens", owner, nil); a.JSON["total"] != 1.0 {
		t.Errorf("got %s, want no token from before", a.Body)
	}
}

func TestContentfulPersonWithNoWorkspaceLeftOpensNothing(t *testing.T) {
	h := newCMS(t)
	secret := h.manage("max@example.test")
	path := "/organizations/ws1/organization_memberships/" + h.memberships("ws1", secret)[h.id("max@example.test")]
	h.is("leave", h.call("DELETE", path, secret, nil), 204) // a member may leave by themselves
	for _, c := range [][2]string{{"GET", "/users/me"}, {"GET", "/organizations"}, {"GET", "/users/me/access_tokens"}, {"DELETE", path}} {
		h.isError(c[0]+" "+c[1], h.call(c[0], c[1], secret, nil), 401, "AccessTokenInvalid")
	}
}

func TestContentfulWhoMayRemoveWhom(t *testing.T) {
	h := newCMS(t)
	owner, admin, plain := h.manage("owner@example.test"), h.manage("admin@example.test"), h.manage("max@example.test")
	list := h.memberships("ws1", owner)
	path := func(email string) string { return "/organizations/ws1/organization_memberships/" + list[h.id(email)] }
	h.isError("an admin the owner", h.call("DELETE", path("owner@example.test"), admin, nil), 403, "AccessDenied")
	h.isError("the last owner", h.call("DELETE", path("owner@example.test"), owner, nil), 403, "AccessDenied")
	h.isError("a member another", h.call("DELETE", path("mia@example.test"), plain, nil), 404, "NotFound")
	h.isError("unknown", h.call("DELETE", path("mia@example.test")+"x", owner, nil), 404, "NotFound")
	h.is("an admin a member", h.call("DELETE", path("mia@example.test"), admin, nil), 204)
	if left := h.memberships("ws1", owner); len(left) != 3 {
		t.Errorf("got %v, want three left", left)
	}
}

func TestContentfulRacersToRevokeAllSucceedOnce(t *testing.T) {
	h := newCMS(t)
	me := h.manage("mia@example.test")
	id := stringAt(h.is("create", h.create(me, map[string]any{}), 201).JSON, "sys", "id")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			r := httptest.NewRequestWithContext(t.Context(), "PUT", "/users/me/access_tokens/"+id+"/revoked", nil)
			r.Header.Set("Authorization", "Bearer "+me)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 || !strings.Contains(w.Body.String(), `"revokedAt":"2026-11-22T12:00:00.000Z"`) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	group.Wait()
}
