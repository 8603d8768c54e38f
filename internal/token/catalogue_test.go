package token

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestScopesAreGroupedByWhatStandsFirst(t *testing.T) {
	for name, want := range map[string]string{
		"content:write": "content", "crm.objects.contacts.read": "crm", "forms": "forms", "a:b.c": "a", "a.b:c": "a", ":odd": "",
	} {
		if got := (&ScopeInfo{Name: name}).Domain(); got != want {
			t.Errorf("Domain of %s is %q, want %q", name, got, want)
		}
	}
}

func TestSigningKeyPrintsItsNameAlone(t *testing.T) {
	k := SigningKey{ID: "kid1", Alg: "ES256", State: "active", Private: []byte("sealed"), Public: []byte("der")}
	text, err := json.Marshal(k)
	if err != nil || string(text) != `"ES256 key kid1 (active)"` {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, k); got != "ES256 key kid1 (active)" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}
