package api_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// statusOf reads a token's place in the list that its claim names, as a resource
// server would: over the network, with a library of others.
func (h *house) statusOf(jwt string) byte {
	h.t.Helper()
	claim, _ := claimsOf(h.t, jwt)["status"].(object)
	ref, _ := claim["status_list"].(object)
	uri, _ := ref["uri"].(string)
	path, ok := strings.CutPrefix(uri, h.URL)
	if !ok {
		h.t.Fatalf("the status claim is %v", claim)
	}
	a := h.want(http.StatusOK, h.Request("GET", path, nil))
	if a.Header.Get("Content-Type") != "application/statuslist+jwt" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		h.t.Errorf("headers %v", a.Header)
	}
	list := h.checked(string(a.Body))
	if list.Subject != uri || list.TTL != 30 || list.StatusList.Bits != 1 || list.Expires <= list.IssuedAt {
		h.t.Errorf("claims %+v", list)
	}
	places := unpacked(h.t, list.StatusList.List)
	if len(places) != 1024 {
		h.t.Fatalf("%d bytes of places", len(places))
	}
	return statusAt(places, int(at[float64](h.t, ref, "idx")))
}

// unpacked reads the places of a list (Token Status List, 4.2): DEFLATE in the
// zlib format, in base64url.
func unpacked(t *testing.T, lst string) []byte {
	t.Helper()
	packed, err := base64.RawURLEncoding.DecodeString(lst)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	places, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// statusAt returns the place of one bit: from the least significant on.
func statusAt(places []byte, idx int) byte { return places[idx/8] >> (idx % 8) & 1 }

// TestListsAreReadAsTheDraftHasThem holds the reading above to the example of one
// bit that the specification prints (draft-ietf-oauth-status-list, 4.1 and 4.2).
func TestListsAreReadAsTheDraftHasThem(t *testing.T) {
	places := unpacked(t, "eNrbuRgAAhcBXQ")
	for idx, want := range []byte{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1} {
		if got := statusAt(places, idx); got != want {
			t.Errorf("status[%d] is %d, want %d", idx, got, want)
		}
	}
}

type listClaims struct {
	Subject    string `json:"sub"`
	IssuedAt   int64  `json:"iat"`
	Expires    int64  `json:"exp"`
	TTL        int64  `json:"ttl"`
	StatusList struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

// checked verifies a list by the keys that the server publishes.
func (h *house) checked(text string) (claims listClaims) {
	h.t.Helper()
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		h.t.Fatal(err)
	}
	if typ := jws.Signatures[0].Header.ExtraHeaders["typ"]; typ != "statuslist+jwt" {
		h.t.Errorf("typ %v", typ)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(h.Ring.JWKS(), &keys); err != nil {
		h.t.Fatal(err)
	}
	found := keys.Key(jws.Signatures[0].Header.KeyID)
	if len(found) != 1 {
		h.t.Fatal("the list is signed by a key that is not published")
	}
	payload, err := jws.Verify(found[0])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		h.t.Fatalf("the list does not verify: %v", err)
	}
	return claims
}

// TestStatusListFollowsTheJudge: a place is set while its token opens nothing,
// whatever the reason, at most 30 seconds late.
func TestStatusListFollowsTheJudge(t *testing.T) {
	h := start(t)
	late := func() { h.Clock.Move(30 * time.Second) }
	path := func(a string, what string) string { return "/v1/tokens/" + a + "/" + what }
	stays, revoked, paused := h.issued(nil), h.issued(nil), h.issued(nil)
	short := h.issued(object{"ttl": 400})
	other := h.want(http.StatusCreated, h.bearer(modest, "ws1", "POST", "/v1/tokens", object{"name": "x", "scopes": []string{"catalog:read"}}))
	all := []string{text(t, stays, "token"), text(t, revoked, "token"), text(t, paused, "token"), text(t, short, "token"), text(t, other, "token")}
	expect := func(when string, want ...byte) {
		t.Helper()
		for i, jwt := range all {
			if got := h.statusOf(jwt); got != want[i] {
				t.Errorf("%s: token %d has status %d, want %d", when, i, got, want[i])
			}
		}
	}
	expect("issued", 0, 0, 0, 0, 0)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path(text(t, revoked, "id"), "revoke"), nil))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path(text(t, paused, "id"), "suspend"), nil))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/clients/modest/disable", nil))
	expect("kept for half a minute", 0, 0, 0, 0, 0)
	late()
	expect("ended", 0, 1, 1, 0, 1)
	h.want(http.StatusOK, h.bearer(ana, "", "POST", path(text(t, paused, "id"), "resume"), nil))
	h.want(http.StatusOK, h.bearer(ana, "", "POST", "/v1/clients/modest/enable", nil))
	late()
	expect("resumed and enabled", 0, 1, 0, 0, 1)
	h.Clock.Move(400 * time.Second)
	expect("expired", 0, 1, 0, 1, 1)
}

// TestStatusListMayBeKeptForItsBound: whoever keeps it adds nothing to the half
// minute.
func TestStatusListMayBeKeptForItsBound(t *testing.T) {
	h := start(t)
	h.issued(nil)
	for _, want := range []string{"public, max-age=30", "public, max-age=20", "public, max-age=10", "public, max-age=30"} {
		if got := h.Request("GET", "/v1/status-lists/0", nil).Header.Get("Cache-Control"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		h.Clock.Move(10 * time.Second)
	}
}

func TestThereAreNoOtherStatusLists(t *testing.T) {
	h := start(t)
	for _, n := range []string{"0", "7", "-1", "x", "00", "0x1", strconv.Itoa(1 << 50), strings.Repeat("9", 40)} {
		if a := h.Request("GET", "/v1/status-lists/"+n, nil); a.Status != http.StatusNotFound {
			t.Errorf("%s: status %d", n, a.Status)
		}
	}
	h.issued(nil)
	h.want(http.StatusOK, h.Request("GET", "/v1/status-lists/0", nil))
}

// TestStatusListIsNotGuessed: where a token cannot be judged there is no list,
// rather than one that calls it valid.
func TestStatusListIsNotGuessed(t *testing.T) {
	h := start(t)
	h.issued(nil)
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if a := h.Request("GET", "/v1/status-lists/0", nil); a.Status < 500 {
		t.Errorf("status %d", a.Status)
	}
}

func TestBriefTokensHaveNoPlace(t *testing.T) {
	h := start(t)
	if claims := claimsOf(t, text(t, h.issued(object{"type": "ephemeral"}), "token")); claims["status"] != nil {
		t.Errorf("a token of five minutes has status %v", claims["status"])
	}
}
