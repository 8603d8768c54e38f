package pages

import (
	"encoding/json"
	"strconv"
	"strings"
)

// An example is how a program orders the same token.
type example struct{ Name, Text string }

// An ordered is what an example orders, each part ready to stand in code.
type ordered struct {
	url, workspace string
	name           string // quoted as JSON, which JavaScript, Python and Go read too
	scopes         string // a list of quoted words
	seconds        string
	kind           string // quoted
	purpose        string // quoted, "" where there is none
}

// examples show how programs do what a form does. A program orders with the
// secret of its client; the pages know of none.
func examples(v TokenForm) []example {
	o := ordered{
		url: v.Issuer + "/v1/tokens", workspace: v.Shell.Workspace.ID, name: quote(v.Typed.Name), seconds: v.Typed.Expires,
		kind: quote(v.Typed.Kind), purpose: quote(v.Typed.Purpose),
	}
	if _, err := strconv.Atoi(o.seconds); err != nil {
		o.seconds = "2592000"
	}
	words := make([]string, len(v.Typed.Scopes))
	for i, scope := range v.Typed.Scopes {
		words[i] = quote(scope)
	}
	o.scopes = strings.Join(words, ", ")
	if v.Typed.Kind == "personal" {
		return []example{{"curl", o.personal()}}
	}
	return []example{{"curl", o.curl()}, {"JavaScript", o.javascript()}, {"Python", o.python()}, {"Go", o.golang()}}
}

// quote writes a text as JSON does.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return `""` // no text fails to be written
	}
	return string(b)
}

// shell writes a text as one word of a shell.
func shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func (o ordered) body() string {
	return `{"name": ` + o.name + `, "scopes": [` + o.scopes + `], "ttl": ` + o.seconds + `, "type": ` + o.kind + `, "purpose": ` + o.purpose + `}`
}

func (o ordered) curl() string {
	return `curl -X POST ` + o.url + ` \
  -H "Authorization: Bearer $BE_CLIENT_SECRET" \
  -H ` + shell("X-Workspace-Id: "+o.workspace) + ` \
  -H 'Content-Type: application/json' \
  -d ` + shell(o.body())
}

// personal is the order of a personal token by another one.
func (o ordered) personal() string {
	return `curl -X POST ` + strings.TrimSuffix(o.url, "/v1/tokens") + `/users/me/access_tokens \
  -H "Authorization: Bearer $CONTENT_MANAGEMENT_TOKEN" \
  -H 'Content-Type: application/vnd.contentful.management.v1+json' \
  -d ` + shell(`{"name": `+o.name+`, "scopes": [`+o.scopes+`], "expiresIn": `+o.seconds+`}`)
}

func (o ordered) javascript() string {
	return `const response = await fetch(` + quote(o.url) + `, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    "X-Workspace-Id": ` + quote(o.workspace) + `,
    Authorization: ` + "`Bearer ${process.env.BE_CLIENT_SECRET}`" + `,
  },
  body: JSON.stringify({
    name: ` + o.name + `,
    scopes: [` + o.scopes + `],
    ttl: ` + o.seconds + `,
    type: ` + o.kind + `,
    purpose: ` + o.purpose + `,
  }),
})
if (!response.ok) throw new Error(await response.text())
const { token } = await response.json()`
}

func (o ordered) python() string {
	return `import os
import requests

response = requests.post(
    ` + quote(o.url) + `,
    headers={
        "X-Workspace-Id": ` + quote(o.workspace) + `,
        "Authorization": f"Bearer {os.environ['BE_CLIENT_SECRET']}",
    },
    json={
        "name": ` + o.name + `,
        "scopes": [` + o.scopes + `],
        "ttl": ` + o.seconds + `,
        "type": ` + o.kind + `,
        "purpose": ` + o.purpose + `,
    },
    timeout=10,
)
response.raise_for_status()
token = response.json()["token"]`
}

func (o ordered) golang() string {
	return `body, err := json.Marshal(map[string]any{
	"name":    ` + o.name + `,
	"scopes":  []string{` + o.scopes + `},
	"ttl":     ` + o.seconds + `,
	"type":    ` + o.kind + `,
	"purpose": ` + o.purpose + `,
})
if err != nil {
	return err
}
req, err := http.NewRequestWithContext(ctx, http.MethodPost, ` + quote(o.url) + `, bytes.NewReader(body))
if err != nil {
	return err
}
req.Header.Set("Content-Type", "application/json")
req.Header.Set("X-Workspace-Id", ` + quote(o.workspace) + `)
req.Header.Set("Authorization", "Bearer "+os.Getenv("BE_CLIENT_SECRET"))`
}
