package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// remote is a running server, and who asks it.
type remote struct {
	Server    string `env:"FICHA_SERVER" default:"http://127.0.0.1:8080" help:"Base URL of the server that is asked." placeholder:"URL"`
	Token     string `env:"FICHA_TOKEN" help:"Personal or service token, or a client secret. The variable keeps it out of the list of processes." placeholder:"SECRET"`
	Workspace string `env:"FICHA_WORKSPACE" help:"Workspace that is meant: always needed with a client secret, else only where the token opens several." placeholder:"ID"`

	// Never right across a network: whoever listens on the way keeps the token.
	// It is for a tunnel that ends on another name of this machine.
	InsecureHTTP bool `name:"insecure-http" help:"Send the token over http to a server that is not on loopback."`
}

// A request is what a server is asked.
type request struct {
	method, path string
	media        string // of the body
	body         []byte
}

const (
	jsonType  = "application/json"
	askWithin = 60 * time.Second
	mostRead  = 64 << 20 // bytes of an answer
)

func get(path string, query url.Values) request {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return request{method: http.MethodGet, path: path}
}

func post(path string, body any) (request, error) {
	text, err := json.Marshal(body)
	return request{http.MethodPost, path, jsonType, text}, err
}

// get asks for something and reads the answer into out.
func (r remote) get(ctx context.Context, path string, out any) error {
	return r.do(ctx, get(path, nil), out)
}

// post sends a body as JSON and reads the answer into out, unless that is nil.
func (r remote) post(ctx context.Context, path string, body, out any) error {
	q, err := post(path, body)
	if err != nil {
		return err
	}
	return r.do(ctx, q, out)
}

// do asks the server. What it refuses is an error that says why.
func (r remote) do(ctx context.Context, q request, out any) error {
	req, err := r.request(ctx, q)
	if err != nil {
		return err
	}
	return r.send(req, out)
}

func (r remote) send(req *http.Request, out any) error {
	_, err := r.tagged(req, out)
	return err
}

// tagged does what send does, and returns the ETag of what was answered.
func (r remote) tagged(req *http.Request, out any) (etag string, err error) {
	answer, err := answerTo(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostRead))
	if err != nil {
		return "", fmt.Errorf("read the server's answer: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return "", refusal(answer, text)
	}
	etag = answer.Header.Get("ETag")
	if out == nil {
		return etag, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return "", fmt.Errorf("%s answers something else than Ficha would: check --server", r.Server)
	}
	return etag, nil
}

// answerTo returns what the server answers, within a minute unless the request's
// context has a bound of its own; its body has to be closed.
func answerTo(req *http.Request) (*http.Response, error) {
	within := askWithin
	if _, bounded := req.Context().Deadline(); bounded {
		within = 0
	}
	client := http.Client{Timeout: within, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req) //nolint:gosec // whoever runs this names the server
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w: does it run there? name it with --server or FICHA_SERVER", err)
	}
	return answer, nil
}

func (r remote) request(ctx context.Context, q request) (*http.Request, error) {
	if r.Token == "" {
		return nil, errors.New("nobody asks: put a token or a client secret into FICHA_TOKEN")
	}
	req, err := r.nobodys(ctx, q)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.Token)
	if r.Workspace != "" {
		req.Header.Set("X-Workspace-Id", r.Workspace)
	}
	return req, nil
}

// nobodys is a request that says of nobody whose it is.
func (r remote) nobodys(ctx context.Context, q request) (*http.Request, error) {
	if err := r.checkServer(); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, q.method, strings.TrimRight(r.Server, "/")+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	req.Header.Set("User-Agent", "ficha")
	if q.media != "" {
		req.Header.Set("Content-Type", q.media)
	}
	return req, nil
}

// checkServer keeps a token from travelling where others can read it.
func (r remote) checkServer() error {
	u, err := url.Parse(r.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return fmt.Errorf("server: %q is no base URL: write it as https://tokens.example.com", r.Server)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) && !r.InsecureHTTP {
		return errors.New("server: http would show the token to the network: use https (--insecure-http says that you know better)")
	}
	return nil
}

// refusal says in one sentence what the server said no to, with what its
// operator needs to find the request.
func refusal(answer *http.Response, text []byte) error {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		RequestID   string `json:"request_id"`
		Errors      []struct {
			Name string `json:"field"`
			Text string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		return fmt.Errorf("the server answers %s and does not say why: check --server", answer.Status)
	}
	why := said.Description
	for _, field := range said.Errors {
		if !strings.Contains(why, field.Text) {
			why = strings.TrimPrefix(why+"; "+field.Name+" "+field.Text, "; ")
		}
	}
	if said.Error == "workspace_required" {
		why += ": use --workspace or FICHA_WORKSPACE"
	}
	return fmt.Errorf("%s (%s, request %s)", why, said.Error, said.RequestID)
}

// A listing bounds a list.
type listing struct {
	Limit int `default:"100" help:"At most so many; 0 for all." placeholder:"N"`
}

// pageSize is what one request of a list asks for.
const pageSize = 100

// read reads a list page by page until there are enough. It reports whether
// there is more.
func (l listing) read(ctx context.Context, r remote, path string, query url.Values) (items []map[string]any, more bool, err error) {
	for {
		size := pageSize
		if l.Limit > 0 {
			size = min(size, l.Limit-len(items))
		}
		query.Set("limit", strconv.Itoa(size))
		var page struct {
			Items []map[string]any `json:"items"`
			Next  *string          `json:"next"`
		}
		if err := r.do(ctx, get(path, query), &page); err != nil {
			return nil, false, err
		}
		items = append(items, page.Items...)
		if page.Next == nil || l.Limit > 0 && len(items) >= l.Limit {
			return items, page.Next != nil, nil
		}
		query.Set("cursor", *page.Next)
	}
}

// given is a query of the filters that are not empty: names and values in turn.
func given(pairs ...string) url.Values {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	return query
}
