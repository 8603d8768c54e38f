package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A browser is one profile of Chromium. What its pages complain about fails
// the test at the end.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// newBrowser opens Chromium, with or without scripts on its pages.
func newBrowser(t *testing.T, scripts bool, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), append(options, more...)...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, audits.Enable, cdp.Empty{})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return b
}

// listen notes what breaks the policy of a page, and every error of its console.
func (b *browser) listen(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		// A page with a status over 399 is logged as a failure; the tests ask
		// for such pages.
		if e.Entry.Level == log.EntryLevelError && !strings.HasPrefix(e.Entry.Text, "Failed to load resource: the server responded with a status of 4") {
			b.complain(e.Entry.Text + " " + e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			b.complain("console.error")
		}
	case *runtime.EventExceptionThrown:
		b.complain(e.ExceptionDetails.Text)
	case *audits.EventIssueAdded:
		if found := e.Issue.Details.ContentSecurityPolicyIssueDetails; found != nil {
			b.complain("the page breaks " + found.ViolatedDirective + " by " + found.BlockedURL)
		}
	}
}

func (b *browser) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, text)
}

// call sends one command of the protocol.
func call[P, R any](b *browser, command cdp.Command[P, R], with P) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, with); err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
}

// ask does one step and returns what it found.
func ask[T any](b *browser, step chromedp.Action[T]) T {
	b.t.Helper()
	found, err := try(b, step)
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// do does steps, one after the other.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for i, step := range steps {
		if _, err := try(b, step); err != nil {
			b.t.Fatalf("step %d of %d: %v", i+1, len(steps), err)
		}
	}
}

// try does one step within the browser's patience. An error says what stands on
// the page instead of what the step waited for.
func try[T any](b *browser, step chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, step)
	if err != nil {
		err = fmt.Errorf("%w (patience is %s) at %s, which reads %q; complaints: %q", err, patience, b.at(), b.reads(), b.complaints)
	}
	return found, err
}

// at returns the address of the page, empty if it cannot be learned: it is for
// messages.
func (b *browser) at() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	url, _ := chromedp.Run(ctx, chromedp.Location())
	return url
}

// reads returns how the page begins, empty if it cannot be learned: it is for
// messages.
func (b *browser) reads() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`(document.querySelector("main") ?? document.body).innerText.slice(0, 300)`))
	return text
}

// says fails unless the first element of that kind has the text.
func (b *browser) says(css, want string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(css)))
	if got := strings.TrimSpace(ask(b, chromedp.Text(chromedp.CSS(css)))); got != want {
		b.t.Fatalf("%s says %q, want %q, at %s", css, got, want, b.at())
	}
}

// signIn fills the form of the sign-in page and sends it with the Enter key.
func (b *browser) signIn(email string) {
	b.t.Helper()
	b.do(
		chromedp.WaitVisible(chromedp.CSS("#password")),
		chromedp.SendKeys(chromedp.CSS("#email"), email),
		chromedp.SendKeys(chromedp.CSS("#password"), password+"\r"),
	)
}
