package pages

import (
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

// A Scope is one permission as a page lists it.
type Scope struct {
	Name      string            // what the app asked for
	Described map[string]string // the catalogue's description by language tag; may be nil
	Ticked    bool              // for optional scopes: the box starts ticked
}

// scopeLine is a scope ready to be shown. Lang is set where the text is not in
// the page's language; Code where the text does not already say the name.
type scopeLine struct {
	ID, Name, Text, Code string
	Lang                 Lang
	Ticked               bool
}

// scopeGroup is what one domain of scopes allows.
type scopeGroup struct {
	Heading string
	Scopes  []scopeLine
}

// vendorScope says what the scopes mean that no workspace has to describe.
func vendorScope(name string) (key string, ok bool) {
	switch name {
	case "openid":
		return "scope.openid", true
	case "profile":
		return "scope.profile", true
	case "email":
		return "scope.email", true
	case "address":
		return "scope.address", true
	case "phone":
		return "scope.phone", true
	case token.OfflineAccess:
		return "scope.offline", true
	case token.HubSpotBasic:
		return "scope.basic", true
	case token.ReadContent:
		return "scope.content_read", true
	case token.ManageContent:
		return "scope.content_manage", true
	case token.AdminRead:
		return "scope.admin_read", true
	case token.AdminWrite:
		return "scope.admin_write", true
	}
	return "", false
}

// ScopeText says in plain words what a scope allows: ours for the vendors'
// scopes, else the given description in the language, else in English, else in
// no language in particular, else the scope's name.
func (s *Set) ScopeText(lang Lang, name string, described map[string]string) (string, error) {
	text, _, err := s.scopeText(known(lang), name, described)
	return text, err
}

// scopeText also returns the language of the text where it is not lang.
func (s *Set) scopeText(lang Lang, name string, described map[string]string) (string, Lang, error) {
	if key, ok := vendorScope(name); ok {
		text, err := s.words[lang].say(key)
		return text, "", err
	}
	base, _, _ := strings.Cut(string(lang), "-")
	for _, tag := range []string{string(lang), base} {
		if text := described[tag]; text != "" {
			return text, "", nil
		}
	}
	if text := described[string(English)]; text != "" {
		return text, English, nil
	}
	if text := described[""]; text != "" {
		return text, "", nil
	}
	return name, "", nil
}

// scopeHeading names a domain: in words where we know it, else as it is written,
// as a heading. A scope that is its whole domain needs none.
func (s *Set) scopeHeading(lang Lang, name string) (string, error) {
	switch {
	case name == token.OfflineAccess, name == token.HubSpotBasic:
		return s.words[lang].say("group.connection")
	case token.IsOpenID(name):
		return s.words[lang].say("group.identity")
	case token.IsAdmin(name):
		return s.words[lang].say("group.admin")
	case name == token.ReadContent, name == token.ManageContent:
		return s.words[lang].say("group.content")
	}
	if domain := token.Domain(name); domain != name {
		return titled(domain), nil
	}
	return "", nil
}

// titled writes a domain, or a resource, which may be empty, as a heading:
// crm_objects as Crm objects.
func titled(domain string) string {
	if domain == "" {
		return ""
	}
	words := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' {
			return ' '
		}
		return r
	}, domain)
	return strings.ToUpper(words[:1]) + words[1:] // a scope is ASCII (RFC 6749, 3.3)
}

// groupScopes gathers scopes by domain, in the order of their first mention.
// Prefix keeps the ids of two lists on one page apart.
func (s *Set) groupScopes(lang Lang, prefix string, scopes []Scope) ([]scopeGroup, error) {
	var groups []scopeGroup
	place := make(map[string]int)
	for _, scope := range scopes {
		heading, err := s.scopeHeading(lang, scope.Name)
		if err != nil {
			return nil, err
		}
		line, err := s.scopeLine(lang, scope)
		if err != nil {
			return nil, err
		}
		at, seen := place[heading]
		if !seen {
			at = len(groups)
			place[heading] = at
			groups = append(groups, scopeGroup{Heading: heading})
		}
		line.ID = prefix + "-" + scope.Name
		groups[at].Scopes = append(groups[at].Scopes, line)
	}
	return groups, nil
}

func (s *Set) scopeLine(lang Lang, scope Scope) (scopeLine, error) {
	text, other, err := s.scopeText(lang, scope.Name, scope.Described)
	line := scopeLine{Name: scope.Name, Text: text, Lang: other, Ticked: scope.Ticked}
	if text != scope.Name {
		line.Code = scope.Name
	}
	return line, err
}
