package token

// A Description is what people say about a token, or a change of it: what is
// nil stays as it is.
type Description struct {
	Name    *string // what people call it
	Purpose *string // why it exists
	Owner   *string // who answers for it
}

// Fields returns what is given, by name.
func (d Description) Fields() map[string]any {
	given := map[string]any{}
	for name, value := range map[string]*string{"name": d.Name, "purpose": d.Purpose, "owner": d.Owner} {
		if value != nil {
			given[name] = *value
		}
	}
	return given
}
