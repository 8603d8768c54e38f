package contracts

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// echo answers with what it was sent; /page is a form, /later is ready at its
// third request.
func echo(t *testing.T) string {
	t.Helper()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/page":
			w.Header().Set("Set-Cookie", "seen=yes")
			fmt.Fprint(w, `<form method="post" action="/other"><input name="no" value="1"></form>
				<form method="post" action="/posted"><input type="hidden" name="id" value="a&amp;b" required>
				<input type="checkbox" name="box" value="on" checked><input type="checkbox" name="box" value="off"><br>
				<button name="action" value="go">Go</button></form>`)
			return
		case "/away":
			http.Redirect(w, r, "https://app.example/back?code=c+d", http.StatusFound)
			return
		case "/later":
			if asked++; asked < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		cookie := ""
		if c, err := r.Cookie("seen"); err == nil {
			cookie = c.Value
		}
		w.Header().Set("Content-Type", "application/json")
		err = json.NewEncoder(w).Encode(map[string]any{
			"method": r.Method, "query": r.URL.RawQuery, "body": string(body), "type": r.Header.Get("Content-Type"),
			"auth": r.Header.Get("Authorization"), "cookie": cookie, "list": []any{map[string]int{"n": 1}, nil},
		})
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestScriptsSendWhatTheySay(t *testing.T) {
	const script = `# What a program sends.
POST /x
query a b c
query d e
form f g&h
basic me secret
code == 200
header Content-Type ~ ^application/json$
json .query == a=b+c&d=e
json .body == f=g%26h
json .type == application/x-www-form-urlencoded
json .auth == Basic bWU6c2VjcmV0
json .list[0].n == 1
json .list[0].n >= 1
json .list[0].n <= 1
json .list[1] == null
json .list[2] == absent
json .list == [{"n":1},null]
json .nothing.below == absent
json .method != GET
body contains POST
body !contains PUT
let kept json .method

PUT /x
header Authorization Bearer $kept
posttype application/json
postbody
	{"a":
	1}
json .auth == Bearer POST
json .type == application/json
json .body ~ ^\{"a":\s1\}$

# What a browser does.
open /page

submit /posted
untick box on
field action go
json .body == action=go&id=a%26b
json .cookie == yes

# Somebody else's browser has other cookies.
open /x
as other
json .cookie ==

open /away
code == 302
url == https://app.example/back?code=c+d
param code == c d

GET /later
within 5s
code == 200
`
	if _, err := play(t.Context(), echo(t), "script", script); err != nil {
		t.Error(err)
	}
}

func TestSecretsOfAScriptAreKnown(t *testing.T) {
	long := strings.Repeat("s3cret", 6)
	got, err := play(t.Context(), echo(t), "script", "GET /x\nheader Authorization "+long+"\nlet a json .auth\nlet b json .method\n\nGET /x\nlet a json .method")
	if err != nil || len(got) != 1 || got[0] != long {
		t.Errorf("got %q, %v; want %q, though it was forgotten", got, err, long)
	}
}

func TestFalseChecksAreFound(t *testing.T) {
	base := echo(t)
	for _, check := range []string{
		"code == 201", "code != 200", "body contains PATCH", "body !contains GET", "json .method == POST", "json .method ~ ^POST$", "json .method !~ GET",
		"json .list[0].n >= 2", "json .list[0].n <= 0", "json .nothing == ", "json .list[1] == absent", "header Content-Type == text/html", "url == /x",
		"param code == c", "json .method >= 1", "json .list[0].n >= one", "json .method ~ (", "nonsense == 1", "cod 200", "let x json .nothing", "let x", "body == $unknown",
	} {
		_, err := play(t.Context(), base, "script", "# The promise.\nGET /x\n"+check)
		if err == nil {
			t.Errorf("%q holds", check)
		} else if !strings.HasPrefix(err.Error(), "script:2: The promise.") {
			t.Errorf("%q: the error %q does not say which promise", check, err)
		}
	}
}

func TestStepsThatCannotBeDoneAreFound(t *testing.T) {
	base := echo(t)
	for _, script := range []string{
		"", "# only a comment", "FETCH /x", "submit /posted", "open /page\n\nsubmit /nowhere", "open /page\n\nsubmit /posted\nuntick box off",
		"GET /x\nwithin soon", "GET /x\nwithin 60ms\ncode == 500",
	} {
		if _, err := play(t.Context(), base, "script", script); err == nil {
			t.Errorf("%q is played", script)
		}
	}
}

func TestCommentsAndEmptyLinesPartSteps(t *testing.T) {
	steps := parseScript("\n# one\n# two\nGET /a\ncode == 200\n\n\n# three\nGET /b\n")
	if len(steps) != 2 || steps[0].title != "one two" || len(steps[0].lines) != 2 || steps[1].title != "three" || steps[1].lines[0].number != 9 {
		t.Errorf("got %+v", steps)
	}
}
