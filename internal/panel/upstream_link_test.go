package panel_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/server/servertest"
)

const linkPath = "/panel/security/upstream"

// brings has the browser come back from the provider with an account to link.
func (b *browser) brings() *shown {
	b.t.Helper()
	s := b.open(linkPath)
	back := b.do(http.MethodGet, s.away, nil).Header.Get("Location")
	return b.open(strings.TrimPrefix(back, b.h.URL))
}

func signedIn(t *testing.T, h *servertest.House, email string) *browser {
	t.Helper()
	b := newBrowser(t, h)
	b.signIn(email)
	return b
}

func TestAccountWithAnotherAddressIsLinkedByHand(t *testing.T) {
	h, far := withUpstream(t)
	b := signedIn(t, h, "ana@acme.example")
	b.open("/panel/security").says(200, "Any account of yours there can, whatever its address")
	account(far, "sub-zoe", "zoe@other.example")
	s := b.brings().says(200, "You came back from Acme <ID> as zoe@other.example")
	newBrowser(t, h).continues("/panel/login").says(403, "Nobody here has the address zoe@other.example")
	s.form(linkPath+"/link").post("action", "forget").says(200, "No account at Acme <ID> signs you in")
	b.brings().form(linkPath+"/link").post("action", "link").says(200, "Linked", "zoe@other.example signs you in")
	newBrowser(t, h).continues("/panel/login").says(200, "Your account", "Ana Admin")
	b.open("/panel/w/ws1/audit?action=user.linked").says(200, "ana@acme.example")
	b.open("/panel/security").form(linkPath+"/remove").post().says(200, "The link is gone")
}

// Anybody may write Ana's address into an account of theirs: she is told which
// account it is by what she cannot take for her own.
func TestAddressThatNobodyVouchesForIsNotShown(t *testing.T) {
	h, far := withUpstream(t)
	b := signedIn(t, h, "ana@acme.example")
	account(far, "sub-evil", "ana@acme.example")
	far.Claims["email_verified"] = false
	b.brings().says(200, "You came back from Acme <ID> as sub-evil")
	newBrowser(t, h).continues("/panel/login").says(403, "does not vouch")
}

func TestAccountOfSomebodyElseIsNotLinked(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-new", "new@acme.example")
	newBrowser(t, h).continues("/panel/login").says(200, "Your account")
	b := signedIn(t, h, "ana@acme.example")
	b.brings().form(linkPath+"/link").post("action", "link").says(200, "signs in somebody else here", "No account at Acme <ID>")
	far.Answer = func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }
	b.brings().says(200, "Nothing was linked. Begin again")
}

func TestProviderThatIsDownLinksNothing(t *testing.T) {
	h, far := withUpstream(t)
	far.Down = true
	signedIn(t, h, "ana@acme.example").open(linkPath).says(200, "How you sign in", "cannot be reached at the moment")
}

// Whoever leads somebody to the provider, or back from it, links nothing: the
// account waits for the word of the person who asked, on a page of ours.
func TestAccountIsLinkedByTheWordOfWhoAskedAlone(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-evil", "evil@other.example")
	b := signedIn(t, h, "ana@acme.example")
	b.brings().says(200, "evil@other.example")
	if res := b.do(http.MethodPost, h.URL+linkPath+"/link", url.Values{"action": {"link"}}, "Sec-Fetch-Site", "cross-site"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form answers %d", res.StatusCode)
	}
	b.signIn("lim@acme.example")
	if s := b.open("/panel/security"); strings.Contains(s.text, "evil@other.example") {
		t.Error("the account waits for whoever signs in next")
	}
	b.follow(b.do(http.MethodPost, h.URL+linkPath+"/link", url.Values{"action": {"link"}})).says(200, "Nothing was linked")
	newBrowser(t, h).open(linkPath).says(200, "Sign in")
}

func TestLinkByHandTakesAFreshSignIn(t *testing.T) {
	h, far := withUpstream(t)
	account(far, "sub-zoe", "zoe@other.example")
	b := signedIn(t, h, "ana@acme.example")
	h.Clock.Move(20 * time.Minute)
	b.open(linkPath).says(200, "Sign in")
	if b.cookie("ficha_upstream") != "" {
		t.Error("the way to the provider has begun")
	}
}
