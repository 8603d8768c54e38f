package contracts

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
)

// send does what a step asks for: a browser opens a page or submits a form, a
// program sends one request.
func (p *player) send(ctx context.Context, q request) (*answer, error) {
	address := p.base + q.path
	if q.query != "" {
		address += "?" + q.query
	}
	switch q.method {
	case "open":
		b, err := p.browser(q.as)
		if err != nil {
			return nil, err
		}
		return b.follow(ctx, http.MethodGet, address, nil)
	case "submit":
		b, err := p.browser(q.as)
		if err != nil {
			return nil, err
		}
		return b.submit(ctx, q)
	}
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, q.method) {
		return nil, fmt.Errorf("%s is no request", q.method)
	}
	body := q.body
	if len(q.fields) > 0 {
		body = q.fields.Encode()
		q.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return exchange(ctx, &http.Client{CheckRedirect: stay}, q.method, address, body, q.header)
}

// stay leaves redirects to the reader.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// exchange sends one request and reads the answer to its end.
func exchange(ctx context.Context, client *http.Client, method, address, body string, header http.Header) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.Header, string(text), req.URL}, err
}

// A browser has no scripts: it keeps cookies, follows redirects inside the
// server and posts forms as they stand on the page.
type browser struct {
	base   string
	client *http.Client
	page   *answer
}

// browser returns somebody's browser, a new one at first.
func (p *player) browser(name string) (*browser, error) {
	if b := p.browsers[name]; b != nil {
		return b, nil
	}
	jar, err := cookiejar.New(nil)
	b := &browser{p.base, &http.Client{Jar: jar, CheckRedirect: stay}, nil}
	p.browsers[name] = b
	return b, err
}

// follow goes where an address leads. Outside the server nobody goes: the
// answer is then the redirect, with where it led as its address.
func (b *browser) follow(ctx context.Context, method, address string, values url.Values) (*answer, error) {
	for range 10 {
		header := http.Header{"Sec-Fetch-Site": {"same-origin"}}
		if method == http.MethodPost {
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			header.Set("Origin", "null") // of a page that sends no referrer (Fetch, 3.2)
		}
		a, err := exchange(ctx, b.client, method, address, values.Encode(), header)
		if err != nil {
			return nil, err
		}
		to := a.header.Get("Location")
		if to == "" {
			b.page = a
			return a, nil
		}
		next, err := a.url.Parse(to)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(next.String(), b.base+"/") {
			a.url = next
			return a, nil
		}
		method, address, values = http.MethodGet, next.String(), nil
	}
	return nil, fmt.Errorf("%s redirects for ever", address)
}

// submit posts the form of the last page that goes to q.path, its fields as
// they stand there but for those that the step fills.
func (b *browser) submit(ctx context.Context, q request) (*answer, error) {
	if b.page == nil {
		return nil, errors.New("no page is open")
	}
	values, err := formOf(b.page.body, q.path)
	if err != nil {
		return nil, err
	}
	for _, box := range q.unticked {
		i := slices.Index(values[box[0]], box[1])
		if i < 0 {
			return nil, fmt.Errorf("there is no ticked box %s with %s", box[0], box[1])
		}
		values[box[0]] = slices.Delete(values[box[0]], i, i+1)
	}
	for name, filled := range q.fields {
		values[name] = filled
	}
	return b.follow(ctx, http.MethodPost, b.base+q.path, values)
}

// formOf returns what a browser would post of the page's form with that action.
func formOf(page, action string) (url.Values, error) {
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var values url.Values
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("the page has no form for %s (%w):\n%.3000s", action, err, page)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			a := map[string]string{}
			for _, one := range tok.Attr {
				a[one.Name.Local] = one.Value
			}
			_, checked := a["checked"]
			box := a["type"] == "checkbox" || a["type"] == "radio"
			switch {
			case tok.Name.Local == "form" && a["action"] == action && a["method"] == "post":
				values = url.Values{}
			case tok.Name.Local == "input" && values != nil && (!box || checked):
				values.Add(a["name"], a["value"])
			}
		case xml.EndElement:
			if tok.Name.Local == "form" && values != nil {
				return values, nil
			}
		}
	}
}
