package identity

import (
	"context"

	"github.com/fichadev/ficha/internal/token"
)

// SetProfile changes the actor's own name and language; the address is what
// others know them by and is not theirs to change. A field that is wrong is name
// or locale. What differs in nothing writes nothing.
func (i *Identity) SetProfile(ctx context.Context, who token.Actor, name, locale string) error {
	switch {
	case !isText(name, maxName):
		return token.AtField("name", "use at most %d bytes of text on one line", maxName)
	case !isText(locale, maxLocale):
		return token.AtField("locale", "use a language tag such as en or pt-BR")
	}
	return i.store.Do(ctx, func(tx Tx) error {
		p, err := mine(ctx, tx, who)
		if err != nil {
			return err
		}
		var fields []string
		if p.Name != name {
			fields = append(fields, "name")
		}
		if p.Locale != locale {
			fields = append(fields, "locale")
		}
		if len(fields) == 0 {
			return nil
		}
		next := *p
		next.Name, next.Locale, next.UpdatedAt, next.Version = name, locale, tx.Now(), p.Version+1
		if err := tx.PutUser(ctx, &next); err != nil {
			return err
		}
		return record(ctx, tx, deed{who: who, workspace: home(who, p), action: "user.changed", person: &next, detail: map[string]any{"fields": fields}})
	})
}
