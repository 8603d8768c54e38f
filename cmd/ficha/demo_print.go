package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// print writes what a newcomer needs: where it is, who may sign in, and a
// command for each contract that works as it stands.
func (d *demo) print(out io.Writer) error {
	w := &strings.Builder{}
	fmt.Fprintf(w, "Ficha's demo is at %s until you interrupt it; nothing is kept.\n", d.url)
	fmt.Fprintf(w, "\nPanel: %s/panel/\n", d.url)
	for _, who := range [][3]string{{"ana", "ANA_PASSWORD", "super admin"}, {"leo", "LEO_PASSWORD", "admin"}, {"mia", "MIA_PASSWORD", "member"}} {
		fmt.Fprintf(w, "  %s@demo.example  %s  (%s)\n", who[0], d.secrets[who[1]], who[2])
	}
	for _, c := range d.commands() {
		fmt.Fprintf(w, "\n# %s\n%s\n", c.title, c.line)
	}
	_, err := io.WriteString(out, w.String())
	return err
}

// A printed command is one line of a shell, or an address to open.
type printed struct{ title, line string }

func (d *demo) commands() []printed {
	const vendor = "application/vnd.contentful.management.v1+json"
	return []printed{
		{"Be CMS: a program makes a service token with its client secret", d.curl("/v1/tokens",
			"-H", "Authorization: Bearer "+d.secrets["BACKEND_SECRET"], "-H", "X-Workspace-Id: demo", "-H", "Content-Type: application/json",
			"-d", jsonOf(map[string]any{"name": "nightly import", "scopes": []string{"content:write"}, "ttl": 3600}))},
		{"Fanbase: a client gets a signed access token and a refresh token", d.curl("/api/token?"+url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"fan-club"}, "client_secret": {d.secrets["FANBASE_SECRET"]},
		}.Encode(), "-X", "POST")},
		{"Chronos: a person signs in for fifteen days", d.curl("/token/generate", "-H", "Content-Type: application/json",
			"-d", jsonOf(map[string]any{"email": "mia@demo.example", "password": d.secrets["MIA_PASSWORD"] + ":" + d.secrets["CLIENT_TOKEN"]}))},
		{"HubSpot: open this as ana, allow it, and the app shows the next command", d.authorizeLink()},
		{"Contentful: a person makes a personal access token", d.curl("/users/me/access_tokens", "-H", "Authorization: Bearer "+d.secrets["PERSONAL_TOKEN"],
			"-H", "Content-Type: "+vendor, "-d", jsonOf(map[string]any{"name": "my laptop", "scopes": []string{"content_management_read"}}))},
		{"The judge: what does a token open? Try it with one that you made", d.curl("/verify?workspace=demo",
			"-i", "-H", "Authorization: Bearer "+d.secrets["PERSONAL_TOKEN"])},
		{"The inventory: every token of the workspace, and when it was used", d.curl("/v1/tokens",
			"-H", "Authorization: Bearer "+d.secrets["ADMIN_TOKEN"], "-H", "X-Workspace-Id: demo")},
		{"The audit: who did what", d.curl("/v1/audit",
			"-H", "Authorization: Bearer "+d.secrets["ADMIN_TOKEN"], "-H", "X-Workspace-Id: demo")},
	}
}

// authorizeLink is where an app sends the person who installs it.
func (d *demo) authorizeLink() string {
	// The contract's own programs write a space as %20.
	query := url.Values{
		"client_id": {"contacts-sync"}, "redirect_uri": {d.redirect.uri}, "scope": {"oauth crm.objects.contacts.read"}, "optional_scope": {"forms"},
	}.Encode()
	return d.url + "/oauth/authorize?" + strings.ReplaceAll(query, "+", "%20")
}

// exchange is the command that an app's code is exchanged with.
func (d *demo) exchange(code string) string {
	return d.curl("/oauth/v1/token", "-d", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"contacts-sync"}, "client_secret": {d.secrets["HUBSPOT_SECRET"]},
		"redirect_uri": {d.redirect.uri}, "code": {code},
	}.Encode())
}

// curl writes a command for a shell; -f is left out, since refusals are worth
// reading.
func (d *demo) curl(path string, args ...string) string {
	words := []string{"curl", "-sS", shellWord(d.url + path)}
	for _, arg := range args {
		words = append(words, shellWord(arg))
	}
	return strings.Join(words, " ")
}

// shellWord quotes what a shell would look into.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return strings.ContainsRune(` "'$&?*{}[]<>|;()~#\`+"`!", r) }) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
