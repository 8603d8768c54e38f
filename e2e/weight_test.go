package e2e

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"sync"

	"github.com/chromedp/cdproto/network"
)

// mostLoaded is how many bytes of scripts and styles a page may load, compressed.
const mostLoaded = 60 << 10

// A load is what the browser fetched for the page that it shows.
type load struct {
	mu    sync.Mutex
	paths []string
	sizes map[string]int // compressed, by path
}

// listen notes the scripts, styles and fonts of a page, and forgets those of the
// page before it.
func (l *load) listen(event any) {
	e, ok := event.(*network.EventRequestWillBeSent)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Type {
	case network.ResourceTypeDocument:
		l.paths = nil
	case network.ResourceTypeScript, network.ResourceTypeStylesheet, network.ResourceTypeFont:
		l.paths = append(l.paths, e.Request.URL)
	}
}

// weigh fails for a page that loads too much, or anything from elsewhere.
func (v *visitor) weigh() {
	v.browser.t.Helper()
	v.load.mu.Lock()
	defer v.load.mu.Unlock()
	sum := 0
	for _, address := range v.load.paths {
		if u, err := url.Parse(address); err != nil || u.Scheme+"://"+u.Host != sampleURL {
			v.browser.t.Errorf("the page loads %s", address)
		} else {
			sum += v.sizeOf(u.Path)
		}
	}
	if sum == 0 || sum > mostLoaded {
		v.browser.t.Errorf("the page loads %d bytes of %q, want at most %d", sum, v.load.paths, mostLoaded)
	}
}

// sizeOf returns how large a file is that the server gives, compressed.
func (v *visitor) sizeOf(path string) int {
	v.browser.t.Helper()
	if size, ok := v.load.sizes[path]; ok {
		return size
	}
	a := v.Request(http.MethodGet, path, nil)
	if a.Status != http.StatusOK {
		v.browser.t.Fatalf("%s: %d", path, a.Status)
	}
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	if _, err := w.Write(a.Body); err != nil {
		v.browser.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		v.browser.t.Fatal(err)
	}
	v.load.sizes[path] = small.Len()
	return small.Len()
}
