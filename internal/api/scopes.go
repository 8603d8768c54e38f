package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"golang.org/x/text/language"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// A domain groups the scopes that begin alike.
type domain struct {
	Domain string  `json:"domain"`
	Scopes []scope `json:"scopes"`
}

// A scope has its texts in the language of the request and in all that there
// are, by language tag.
type scope struct {
	Name         string            `json:"name"`
	Description  string            `json:"description"`
	Use          string            `json:"use"`
	Descriptions map[string]string `json:"descriptions,omitempty"`
	Uses         map[string]string `json:"uses,omitempty"`
}

// listScopes serves GET /v1/scopes: the catalogue, to every caller.
func (f *Face) listScopes(c *web.Call, _ *caller) error {
	catalogue, err := f.cfg.Store.Scopes(c.Context())
	if err != nil {
		return err
	}
	wanted := languages(c.Request.Header.Get("Accept-Language"))
	domains := []domain{}
	for _, s := range catalogue { // by name, which brings no domain together that has a ':' and a '.'
		at := slices.IndexFunc(domains, func(d domain) bool { return d.Domain == s.Domain() })
		if at < 0 {
			at, domains = len(domains), append(domains, domain{Domain: s.Domain()})
		}
		domains[at].Scopes = append(domains[at].Scopes, scopeOf(s, wanted))
	}
	c.Header().Set("Vary", "Accept-Language")
	return c.WriteJSON(http.StatusOK, map[string]any{"domains": domains})
}

func scopeOf(s *token.ScopeInfo, wanted []language.Tag) scope {
	return scope{Name: s.Name, Description: pick(s.Description, wanted), Use: pick(s.Use, wanted), Descriptions: s.Description, Uses: s.Use}
}

// languages reads Accept-Language; what cannot be read asks for nothing.
func languages(header string) []language.Tag {
	if len(header) > 1024 { // no browser sends that much
		return nil
	}
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil
	}
	return wanted
}

// pick returns the text that suits best: English, or the one without a
// language, where none does.
func pick(texts map[string]string, wanted []language.Tag) string {
	var names []string
	var tags []language.Tag
	for _, name := range slices.SortedFunc(maps.Keys(texts), englishFirst) {
		names, tags = append(names, name), append(tags, language.Make(name))
	}
	if len(names) == 0 {
		return ""
	}
	_, at, _ := language.NewMatcher(tags).Match(wanted...)
	return texts[names[at]]
}

// englishFirst sorts the text for those whom no other suits to the front.
func englishFirst(a, b string) int {
	rank := func(s string) int {
		switch s {
		case "en":
			return 0
		case "":
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}
