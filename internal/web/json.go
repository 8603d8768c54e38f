package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/fichadev/ficha/internal/token"
)

const jsonType = "application/json"

// JSON decodes the body into v, a pointer to a struct. It refuses what the
// scanner does (depth 32, 20,000 keys, a key twice, a NUL), fields that v does
// not have, a second value behind the first, and values of another type, those
// as Invalid with the field's name.
func (c *Call) JSON(v any) error { return c.decode(v, true) }

// JSONLenient is JSON for contracts whose callers send fields that we do not
// know: those are ignored.
func (c *Call) JSONLenient(v any) error { return c.decode(v, false) }

func (c *Call) decode(v any, strict bool) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	return decodeJSON(body, v, strict)
}

func decodeJSON(body []byte, v any, strict bool) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return badJSON("it is empty")
	}
	if err := scanJSON(body); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(v); err != nil {
		return jsonRefusal(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badJSON("something follows the value")
	}
	return nil
}

// jsonRefusal says in the caller's words what the decoder met.
func jsonRefusal(err error) error {
	if r := token.AsRefusal(err); r != nil {
		return r // a type of ours that decodes itself
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return badJSON("it is malformed at byte " + strconv.FormatInt(syntax.Offset, 10))
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return wrongType(kind)
	}
	// The decoder has no type for this error, so its text is read against our
	// habit; TestUnknownFieldIsNamed notices if the text changes.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if plain, err := strconv.Unquote(name); err == nil {
			return token.AtField(shorten(plain), "there is no such field")
		}
	}
	return badJSON("it is malformed")
}

// wrongType names the field and what it must be. The value itself is not
// repeated: the decoder's error holds the digits of a number.
func wrongType(e *json.UnmarshalTypeError) error {
	got, _, _ := strings.Cut(e.Value, " ")
	if e.Field == "" {
		return badJSON("it must be " + typeName(e.Type) + ", not " + article(got))
	}
	want := typeName(e.Type)
	if got == "number" && strings.HasSuffix(want, got) { // one that the type cannot hold
		return token.AtField(shorten(e.Field), "must be %s, in digits alone and not so large", want)
	}
	return token.AtField(shorten(e.Field), "must be %s, not %s", want, article(got))
}

// typeName says in JSON's words what a Go type takes.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Pointer:
		return typeName(t.Elem())
	}
	return "an object"
}

// article puts the article before a JSON type.
func article(kind string) string {
	switch kind {
	case "array", "object":
		return "an " + kind
	case "bool":
		return "true or false"
	}
	return "a " + kind
}
