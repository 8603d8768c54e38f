package e2e

import (
	"crypto/hmac"
	"crypto/sha1" // what apps compute (RFC 6238)
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// named returns an address that is free, under a host name, and the variables
// that have the program serve there.
func named(t *testing.T) (base string, there []string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	base = "http://" + strings.Replace(address, "127.0.0.1", "localhost", 1)
	return base, []string{"FICHA_LISTEN=" + address, "FICHA_ISSUER=" + base}
}

// startNamed runs the program under a host name: browsers have no passkeys for a
// bare address.
func startNamed(t *testing.T, more ...string) *house {
	t.Helper()
	base, there := named(t)
	h := start(t, append(more, there...)...)
	h.url = base
	return h
}

// appCode is what an app with a secret shows some steps from now.
func appCode(t *testing.T, secret string, steps int64) string {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()/30+steps)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// click clicks the first element of that kind.
func click(css string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(css)) }

// write types into the first element of that kind.
func write(css, text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.CSS(css), text)
}

// arrives waits for a page by something that it alone has, then reads its title.
func (b *browser) arrives(css, title string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(css)))
	b.says("h1", title)
}

// app sets an app up, from the page of sign-in, and returns its secret and the
// first recovery code.
func (b *browser) app() (secret, recovery string) {
	b.t.Helper()
	b.do(click(`form[action="/panel/security/app"] button`), chromedp.WaitVisible(chromedp.CSS(".whole")))
	secret = ask(b, chromedp.Text(chromedp.CSS(".whole")))
	b.do(write("#code", appCode(b.t, secret, 0)+"\r"), chromedp.WaitVisible(chromedp.CSS("#codes")))
	return secret, ask(b, chromedp.Text(chromedp.CSS("#codes code")))
}

// TestPersonLooksAfterTheirSignIn walks through passkeys, codes and sessions in
// a browser with a device that has passkeys.
func TestPersonLooksAfterTheirSignIn(t *testing.T) {
	h := startNamed(t)
	b := newBrowser(t, true)
	call(b, webauthn.Enable, webauthn.EnableParams{})
	call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	b.do(chromedp.Navigate(h.url + "/panel/login?lang=en&next=%2Fpanel%2Fsecurity"))
	b.signIn("lim@acme.example")
	b.arrives(`button[value="all"]`, "How you sign in")

	b.do(write("#name", "Phone"), click(`form[data-passkey] button`))
	b.says("#said", "The passkey works from now on.")
	b.do(click(".out button"))
	b.says(`form[action="/panel/login/passkey"] button`, "Sign in with a passkey")
	b.do(click(`form[action="/panel/login/passkey"] button`))
	b.arrives(`form[action="/panel/profile"]`, "Your account")

	b.do(chromedp.Navigate(h.url + "/panel/security"))
	secret, _ := b.app()
	b.do(click("main > p a.button"))
	b.arrives(`button[value="all"]`, "How you sign in")
	b.do(click(`button[commandfor="drop-app"]`))
	b.says("#drop-app h2", "Sign in without codes?")
	b.do(click(`#drop-app button[command="close"]`), chromedp.WaitNotVisible(chromedp.CSS("#drop-app")))

	b.do(click(".out button"))
	b.signIn("lim@acme.example")
	b.arrives("#code", "One more step")
	b.do(write("#code", "000000\r"), chromedp.WaitVisible(chromedp.CSS("#errors")))
	b.do(write("#code", appCode(t, secret, 1)+"\r"))
	b.arrives(`form[action="/panel/profile"]`, "Your account")
	b.do(chromedp.Navigate(h.url+"/panel/security"), click(`button[value="all"]`), chromedp.WaitVisible(chromedp.CSS("#password")))
	b.do(click(`form[action="/panel/login/passkey"] button`)) // stands in for both steps
	b.arrives(`form[action="/panel/profile"]`, "Your account")
}

// TestSignInIsLookedAfterWithoutScripts does the same without a script, and
// chooses another password by a link in a letter.
func TestSignInIsLookedAfterWithoutScripts(t *testing.T) {
	box := newMailbox(t)
	h := startNamed(t, "FICHA_SMTP_URL=smtp+plain://"+box.address+"?from=ficha@example.test")
	b := newBrowser(t, false)
	b.do(chromedp.Navigate(h.url + "/panel/login?lang=en&next=%2Fpanel%2Fsecurity"))
	b.signIn("lim@acme.example")
	b.arrives(`button[value="all"]`, "How you sign in")
	secret, recovery := b.app()
	b.do(click(".out button"))
	b.signIn("lim@acme.example")
	b.arrives("#code", "One more step")
	b.do(write("#code", appCode(t, secret, 1)+"\r"))
	b.arrives(`form[action="/panel/profile"]`, "Your account")
	b.do(click(".out button"))

	b.do(click(`a[href="/panel/forgot"]`), write("#email", "lim@acme.example\r"), chromedp.WaitNotPresent(chromedp.CSS("#email")))
	b.do(chromedp.Navigate(box.link(t)), write("#password", "another long password\r"))
	b.says(".said p", "Your password is another one now. Sign in with it.")
	b.do(write("#email", "lim@acme.example"), write("#password", "another long password\r"))
	b.arrives("#code", "One more step")
	b.do(write("#code", recovery+"\r"))
	b.arrives(`form[action="/panel/profile"]`, "Your account")
	b.do(chromedp.Navigate(h.url + "/panel/security"))
	b.do(click(`button[commandfor="drop-app"]`), click(`#drop-app button[type="submit"]`)) // a dialog without a script
	b.says("#said", "No code is asked for any more.")
	b.do(chromedp.Navigate(h.url+"/panel/security"), click(`button[value="others"]`))
	b.says("#said", "All other sessions have ended.")
}
