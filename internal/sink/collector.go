package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// A collector takes JSON Lines by POST.
type collector struct {
	url    string
	bearer string // the file of the token; empty: none
	client *http.Client
}

// mostPosted bounds the body of a request, unless one record is longer.
const mostPosted = 1 << 20

// newCollector returns what posts to an address without the parameters that are
// ours.
func newCollector(a address, trust *tls.Config) *collector {
	u := *a.URL
	u.RawQuery = ""
	return &collector{url: u.String(), bearer: a.query.Get("bearer_file"), client: &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true, MaxIdleConns: 1},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// deliver posts the lines; any answer of 2xx says that they were taken.
func (c *collector) deliver(ctx context.Context, lines []line) error {
	for len(lines) > 0 {
		var body bytes.Buffer
		n := 0
		for n < len(lines) && (n == 0 || body.Len()+len(lines[n].text) < mostPosted) {
			body.Write(lines[n].text)
			body.WriteByte('\n')
			n++
		}
		if err := c.post(ctx, &body); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}

func (c *collector) post(ctx context.Context, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, body)
	if err != nil {
		return errors.New("the collector's address cannot be asked")
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("User-Agent", "ficha")
	if c.bearer != "" {
		secret, err := os.ReadFile(filepath.Clean(c.bearer)) // each time: it may be rotated
		if err != nil {
			return fmt.Errorf("read the collector's token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	}
	answer, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("reach the collector: %w", hidden(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %d", answer.StatusCode)
	}
	return nil
}

// hidden is an error of net/http without the URL, whose path may be a secret.
func hidden(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || !strings.Contains(err.Error(), "://") {
			return err
		}
		err = inner
	}
}
