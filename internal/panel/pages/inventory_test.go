package pages

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
)

func inventoryPage() InventoryPage {
	items := ownTokens()
	items[0].Client, items[0].Holder, items[0].By = "Contacts sync", Somebody{Name: "Lim"}, Somebody{Name: "ana@acme.example"}
	secret := tokenOf("active")
	secret.Kind, secret.Href, secret.Secret = "client_secret", "", "sclient"
	return InventoryPage{
		Shell: fullShell(Inventory), Now: atNoon, Items: append(items, secret), Attention: &Attention{1, 2, 3, 4, true}, Partial: true,
		Kinds:    []string{"access", "refresh", "service", "ephemeral", "impersonated", "personal", "client_secret", "client_token", "webhook_secret"},
		Statuses: []string{"active", "pending", "retiring", "suspended", "waiting", "retired", "expired", "revoked", "live"},
		Pager:    Pager{Next: "/panel/w/ws1/inventory?after=x"},
	}
}

func bulkPage() BulkPage {
	return BulkPage{
		Shell: fullShell(Inventory), Now: atNoon, Count: 3, Hour: 1, Day: 2, Used: atNoon.Add(-time.Minute), Items: ownTokens()[:3],
		Owners: []OwnerShare{{Somebody{Name: "Lim", Left: true}, 1}, {Somebody{}, 2}}, Hidden: []Hidden{{"act", "revoke"}, {"id", "s1"}, {"once", "k"}},
	}
}

func inventorySamples() []sample {
	full := inventoryPage()
	byExpiry, none := full, full
	byExpiry.Soonest, byExpiry.Partial, byExpiry.Filter.Sort = true, false, "expires"
	none.Soonest, none.Items = true, nil
	narrowed := full
	narrowed.Filter = InventoryFilter{Search: "cli", Kind: "service", Status: "live", Owner: "ana@acme.example", Client: "c", User: "u", Scope: "s", LastFour: "9fQ2", Contract: "v1",
		CreatedFrom: "2026-01-01", CreatedBefore: "2026-12-01", ExpiresFrom: "2026-01-01", ExpiresBefore: "2026-12-01", Used: "idle_90"}
	narrowed.Predicate = true
	wrong := full
	wrong.Items, wrong.Attention, wrong.Wrong, wrong.Unknown = nil, nil, Wrong{Fields: map[string]string{"created_from": "is no date"}}, true
	empty := wrong
	empty.Filter, empty.Wrong, empty.Unknown = InventoryFilter{Status: "live"}, Wrong{}, false
	sweep := bulkPage()
	sweep.AtLeast, sweep.Beyond, sweep.Mistyped = true, true, true
	rotate := bulkPage()
	rotate.Rotate, rotate.Stays = true, []string{"", "it is being rotated", ""}
	rotate.Wrong = Wrong{Fields: map[string]string{"reason": "is required"}}
	give := bulkPage()
	give.Give, give.Owner, give.Wrong = true, "team", Wrong{Fields: map[string]string{"owner": "has as many as it may"}}
	nothing := bulkPage()
	nothing.Count, nothing.Day, nothing.Items = 0, 0, nil
	run := RevocationPage{Shell: full.Shell, Now: atNoon, ID: "r1", Act: "revoke", Which: token.Predicate{Scope: "x"}, JSON: `{"scope":"x"}`, Reason: "spring", Count: 4, Who: "ana@acme.example", At: atNoon}
	running := run
	running.Running, running.AtLeast = true, true
	failed := run
	failed.Failed, failed.Fault = true, "there is no such family in this workspace"
	return []sample{
		of("inventory", (*Set).InventoryPage, full), of("inventory_narrowed", (*Set).InventoryPage, narrowed), of("inventory_wrong", (*Set).InventoryPage, wrong),
		of("inventory_soonest", (*Set).InventoryPage, byExpiry), of("inventory_none_live", (*Set).InventoryPage, none), of("inventory_empty", (*Set).InventoryPage, empty), of("bulk", (*Set).BulkPage, bulkPage()), of("bulk_sweep", (*Set).BulkPage, sweep),
		of("bulk_rotate", (*Set).BulkPage, rotate), of("bulk_give", (*Set).BulkPage, give), of("bulk_nothing", (*Set).BulkPage, nothing),
		of("revocation", (*Set).RevocationPage, run), of("revocation_running", (*Set).RevocationPage, running), of("revocation_failed", (*Set).RevocationPage, failed),
	}
}

func hostileInventory(shell Shell) []sample {
	t := Token{ID: hostile, Secret: hostile, Name: hostile, LastFour: hostile, Kind: hostile, Status: hostile, Href: "/panel/", Owner: Somebody{Name: hostile}, Client: hostile,
		Holder: Somebody{Name: hostile}, By: Somebody{Name: hostile}, Used: Use{At: atNoon, Route: hostile}}
	filter := InventoryFilter{Search: hostile, Kind: hostile, Owner: hostile, Used: hostile}
	return []sample{
		of("inventory", (*Set).InventoryPage, InventoryPage{Shell: shell, Now: atNoon, Filter: filter, Items: []Token{t}, Kinds: []string{hostile}, Statuses: []string{hostile},
			Attention: &Attention{}, Predicate: true, Wrong: Wrong{Fields: map[string]string{"owner": hostile}}}),
		of("bulk", (*Set).BulkPage, BulkPage{Shell: shell, Now: atNoon, Count: 1, Day: 1, Items: []Token{t}, Owners: []OwnerShare{{Somebody{Name: hostile}, 1}}, Hidden: []Hidden{{hostile, hostile}}}),
		of("revocation", (*Set).RevocationPage, RevocationPage{Shell: shell, Now: atNoon, ID: hostile, Act: hostile, Which: token.Predicate{Token: hostile, Client: hostile, Owner: hostile, Kind: hostile}, JSON: hostile, Reason: hostile, Who: hostile}),
	}
}

func TestOneDeedIsOfferedOnlyForWhatItWouldHit(t *testing.T) {
	for name, c := range map[string]struct {
		f    InventoryFilter
		want bool
	}{
		"nothing":          {InventoryFilter{}, false},
		"a client":         {InventoryFilter{Client: "c"}, true},
		"live of an owner": {InventoryFilter{Owner: "o", Status: "live"}, true},
		"idle":             {InventoryFilter{Used: "idle_90"}, true},
		"a date alone":     {InventoryFilter{CreatedBefore: "2026-01-01"}, false},
		"a name":           {InventoryFilter{Client: "c", Search: "x"}, false},
		"never used":       {InventoryFilter{Client: "c", Used: "never"}, false},
		"suspended":        {InventoryFilter{Client: "c", Status: "suspended"}, false},
	} {
		if got := c.f.Whole(); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestCountIsTypedOnlyWhereSomethingIsInUse(t *testing.T) {
	v := bulkPage()
	doc := mustParse(t, of("", (*Set).BulkPage, v).html(t, newSet(t), English))
	if with(doc.all("input"), "name", "count") == nil || !strings.Contains(doc.text, "Type 3 to go on") {
		t.Error("nothing slows down who ends what is in use")
	}
	v.Day = 0
	if doc := mustParse(t, of("", (*Set).BulkPage, v).html(t, newSet(t), English)); with(doc.all("input"), "name", "count") != nil {
		t.Error("a count is asked for what nobody uses")
	}
}

func TestFiltersThatAreOnAreSaidInTheReadersLanguage(t *testing.T) {
	v := inventoryPage()
	v.Kinds, v.Statuses = []string{"service"}, []string{"live"}
	v.Filter = InventoryFilter{Kind: "service", Status: "live", Owner: "-", Used: "idle_90", Contract: "hubspot", Search: "ci", LastFour: "abcd"}
	said := newSet(t).speaker(German)
	var got []string
	for _, on := range said.active(v) {
		got = append(got, on.Text)
	}
	want := []string{"Ausgestellt über: hubspot", "Art: Diensttoken", "Letzte vier Zeichen: abcd", "Verantwortlich: niemand", "Suchen: ci", "Zustand: Alle lebenden", "Zuletzt benutzt: Seit 90 Tagen nicht"}
	if !slices.Equal(got, want) || said.err != nil {
		t.Errorf("the filters say %q, %v; want %q", got, said.err, want)
	}
}

func TestDeedOnManyIsSaidInASentence(t *testing.T) {
	by := token.Predicate{Client: "Sync (app_1)", Scope: "crm:read", Kind: token.Service, IdleDays: 30, IssuedBefore: atNoon.UnixMilli()}
	for lang, want := range map[Lang]string{
		English: "Ends every token of the app Sync (app_1), with the scope crm:read, of the kind Service token, not used for 30 days, issued before 2026-11-22 12:00 UTC.",
		Spanish: "Termina todo token de la aplicación Sync (app_1), con el permiso crm:read, de la clase Token de servicio, sin uso desde hace 30 días, emitido antes de 2026-11-22 12:00 UTC.",
	} {
		said := newSet(t).speaker(lang)
		if got := said.swept("revoke", by); got != want || said.err != nil {
			t.Errorf("%s: %q, %v; want %q", lang, got, said.err, want)
		}
	}
}
