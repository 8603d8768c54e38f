package panel

import (
	"strings"

	"github.com/fichadev/ficha/internal/panel/pages"
	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

// descriptions are what the catalogue says of scopes, by name and language.
type descriptions map[string]map[string]string

// described reads the catalogue.
func (p *Panel) described(c *web.Call) (descriptions, error) {
	infos, err := p.cfg.Catalogue.Scopes(c.Context())
	if err != nil {
		return nil, err
	}
	d := make(descriptions, len(infos))
	for _, i := range infos {
		d[i.Name] = i.Description
	}
	return d, nil
}

// list makes the lines of a page. ticked says which boxes begin ticked; nil is
// for lists without boxes.
func (d descriptions) list(scopes token.Scopes, ticked func(string) bool) []pages.Scope {
	var all []pages.Scope
	for _, name := range scopes {
		all = append(all, pages.Scope{Name: name, Described: d[name], Ticked: ticked != nil && ticked(name)})
	}
	return all
}

// always ticks every box: HubSpot's optional scopes are all given where account
// and person have them.
func always(string) bool { return true }

// reads reports whether a scope changes nothing, as far as its name tells: only
// such a box may begin ticked on the standard page.
func reads(scope string) bool {
	last := scope[strings.LastIndexAny(scope, ":._")+1:]
	return last == "read" || token.IsOpenID(scope)
}
