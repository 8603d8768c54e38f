package audit

// Schema returns the JSON Schema (2020-12) of a delivery of the event. Values
// may be added to a payload later, so a receiver ignores those it does not know.
func (k EventKind) Schema() map[string]any {
	text := schemaTypes["text"]
	data := map[string]any{
		"id": text, "workspace": text, "target": map[string]any{"type": "string", "pattern": "^" + k.Target + ":"}, "target_name": text,
		"actor": object(map[string]any{"type": text, "id": text, "name": text}, "type", "id", "name"),
	}
	required := []string{"id", "workspace", "target", "target_name", "actor"}
	for _, f := range k.Fields() {
		data[f.Name] = schemaTypes[f.Type]
		if f.Required {
			required = append(required, f.Name)
		}
	}
	s := object(map[string]any{
		"type": map[string]any{"const": k.Name}, "timestamp": map[string]any{"type": "string", "format": "date-time"}, "data": object(data, required...),
	}, "type", "timestamp", "data")
	s["$schema"], s["title"], s["description"] = "https://json-schema.org/draft/2020-12/schema", k.Name, k.Text
	return s
}

func object(properties map[string]any, required ...string) map[string]any {
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// schemaTypes are the types of EventKind.Detail. An empty list may be null.
var schemaTypes = map[string]any{
	"text":    map[string]any{"type": "string"},
	"count":   map[string]any{"type": "integer"},
	"instant": map[string]any{"type": "integer", "minimum": 0, "description": "milliseconds since 1970; 0: none"},
	"flag":    map[string]any{"type": "boolean"},
	"list":    map[string]any{"type": []string{"array", "null"}, "items": map[string]any{"type": "string"}},
	"any":     map[string]any{},
}
