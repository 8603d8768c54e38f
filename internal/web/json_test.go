package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fichadev/ficha/internal/token"
	"github.com/fichadev/ficha/internal/web"
)

type order struct {
	Name   string            `json:"name"`
	TTL    int64             `json:"ttl"`
	Scopes []string          `json:"scopes"`
	Labels map[string]string `json:"labels"`
	Open   *bool             `json:"open"`
	Owner  struct {
		Mail string `json:"mail"`
	} `json:"owner"`
}

func jsonStage(t testing.TB) *stage {
	read := func(decode func(*web.Call, any) error) func(*web.Call) error {
		return func(c *web.Call) error {
			var o order
			if err := decode(c, &o); err != nil {
				return err
			}
			return c.WriteJSON(200, o)
		}
	}
	strict := route("POST /strict", read((*web.Call).JSON))
	large := route("POST /large", read((*web.Call).JSONLenient))
	large.Rule.Body = 4 << 20
	typed := route("POST /typed", read((*web.Call).JSON))
	typed.Rule.Media = []string{"application/json", "application/vnd.contentful.management.v1+json"}
	return newStage(t, nil, strict, large, typed, route("POST /lenient", read((*web.Call).JSONLenient)))
}

func TestJSONIsReadStrictly(t *testing.T) {
	s := jsonStage(t)
	w := s.do("POST", "/strict", ` {"name":"a","ttl":60,"scopes":["x"],"labels":{"Team":"b"},"open":true,"owner":{"mail":"m"}} `)
	want := `{"name":"a","ttl":60,"scopes":["x"],"labels":{"Team":"b"},"open":true,"owner":{"mail":"m"}}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
	}
	for name, body := range map[string]string{
		"empty":                    "",
		"blank":                    " \n",
		"not JSON":                 "name=a",
		"trailing value":           `{"name":"a"} {}`,
		"trailing brace":           `{"name":"a"}}`,
		"unfinished":               `{"name":"a`,
		"array":                    `[]`,
		"not UTF-8":                "{\"name\":\"\xff\"}",
		"NUL":                      `{"name":"a\u0000b"}`,
		"key twice":                `{"name":"a","name":"b"}`,
		"key twice by escape":      `{"name":"a","n\u0061me":"b"}`,
		"key twice by case":        `{"scopes":["a"],"Scopes":["b"]}`,
		"key twice by folded case": "{\"scopes\":[\"a\"],\"\u017fcopes\":[\"b\"]}",
		"deep key twice":           `{"owner":{"mail":"a","x":[{}],"mail":"b"}}`,
		"bad escape in a key":      `{"n\qame":1}`,
	} {
		w := s.do("POST", "/strict", body)
		if w.Code != 400 {
			t.Errorf("%s: %s gets %d %s, want 400", name, body, w.Code, w.Body)
		}
	}
}

func TestSameKeyInTwoObjectsIsNoRepetition(t *testing.T) {
	s := jsonStage(t)
	for _, body := range []string{
		`{"name":"name","labels":{"name":"name"},"owner":{"mail":"name"}}`,
		`{"name":"a\"name\"b","scopes":["name","name","{\"name\":1,\"name\":2}"]}`,
	} {
		if w := s.do("POST", "/strict", body); w.Code != 200 {
			t.Errorf("%s gets %d %s", body, w.Code, w.Body)
		}
	}
}

func TestUnknownFieldIsNamed(t *testing.T) {
	s := jsonStage(t)
	body := refused(t, s.do("POST", "/strict", `{"name":"a","expires":1}`), 422, "invalid_value")
	if got := fmt.Sprint(body["errors"]); !strings.Contains(got, "field:expires") {
		t.Errorf("errors %s do not name expires", got)
	}
	if w := s.do("POST", "/lenient", `{"name":"a","expires":1}`); w.Code != 200 {
		t.Errorf("lenient: %d %s", w.Code, w.Body)
	}
}

func TestWrongTypeIsNamedWithoutItsValue(t *testing.T) {
	s := jsonStage(t)
	for _, c := range []struct{ body, field, text string }{
		{`{"ttl":"CANARY"}`, "ttl", "must be a whole number, not a string"},
		{`{"ttl":4711.5}`, "ttl", "must be a whole number, in digits alone and not so large"},
		{`{"name":4711}`, "name", "must be a string, not a number"},
		{`{"name":{}}`, "name", "must be a string, not an object"},
		{`{"open":"yes"}`, "open", "must be true or false, not a string"},
		{`{"scopes":"a b"}`, "scopes", "must be an array, not a string"},
		{`{"owner":true}`, "owner", "must be an object, not true or false"},
		{`{"owner":{"mail":[]}}`, "owner.mail", "must be a string, not an array"},
	} {
		w := s.do("POST", "/strict", c.body)
		body := refused(t, w, 422, "invalid_value")
		if got, want := fmt.Sprint(body["errors"]), "[map[field:"+c.field+" message:"+c.text+"]]"; got != want {
			t.Errorf("%s: errors %s, want %s", c.body, got, want)
		}
		if strings.Contains(w.Body.String(), "4711") || strings.Contains(w.Body.String(), "CANARY") {
			t.Errorf("%s: the value is repeated: %s", c.body, w.Body)
		}
	}
}

func TestHugeJSONCostsLittle(t *testing.T) {
	var keys strings.Builder
	keys.WriteString(`{"labels":{`)
	for i := range 200_000 {
		fmt.Fprintf(&keys, `"k%d":"",`, i)
	}
	keys.WriteString(`"end":""}}`)
	for name, body := range map[string]string{
		"depth 100,000":          strings.Repeat(`[`, 100_000),
		"depth 100,000, objects": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"200,000 keys":           keys.String(),
		"a long number":          `{"ttl":` + strings.Repeat("9", 3<<20) + `}`,
		"a long string":          `{"name":"` + strings.Repeat(`\"`, 1<<20) + `"}`,
	} {
		s := jsonStage(t)
		start := time.Now()
		w := s.do("POST", "/large", body)
		took := time.Since(start)
		if strings.Contains(name, "string") {
			if w.Code != 200 {
				t.Errorf("%s: %d", name, w.Code)
			}
			continue
		}
		if w.Code != 400 && w.Code != 422 {
			t.Errorf("%s: %d %.100s, want a refusal", name, w.Code, w.Body)
		}
		if limit := 250 * time.Millisecond * slowness; took > limit {
			t.Errorf("%s took %v, want under %v", name, took, limit)
		}
	}
}

func TestDepthAndKeysAreBoundedExactly(t *testing.T) {
	s := jsonStage(t)
	nested := func(n int) string { return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	if w := s.do("POST", "/lenient", nested(32)); w.Code != 200 {
		t.Errorf("depth 32: %d %s", w.Code, w.Body)
	}
	refused(t, s.do("POST", "/lenient", nested(33)), 400, "invalid_request")
	keyed := func(n int) string {
		var b strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&b, `,"%d":""`, i)
		}
		return `{"labels":{` + b.String()[1:] + `}}`
	}
	if w := s.do("POST", "/large", keyed(20_000)); w.Code != 200 {
		t.Errorf("10,000 keys: %d", w.Code)
	}
	refused(t, s.do("POST", "/large", keyed(20_001)), 400, "invalid_request")
}

func TestBodyOfAnotherTypeIsRefused(t *testing.T) {
	s := jsonStage(t)
	for header, want := range map[string]int{
		"Content-Type: application/json":                                             200,
		"Content-Type: application/json; charset=utf-8":                              200,
		"Content-Type: Application/JSON":                                             200,
		"Content-Type: application/vnd.contentful.management.v1+json; charset=utf-8": 200,
		"Content-Type: text/plain":                                                   415,
		"Content-Type: application/jsonp":                                            415,
		"X-None: 1":                                                                  415,
	} {
		if w := s.do("POST", "/typed", `{"name":"a"}`, header); w.Code != want {
			t.Errorf("%s gets %d, want %d", header, w.Code, want)
		}
	}
}

// purse decodes itself and refuses.
type purse struct{}

func (*purse) UnmarshalJSON([]byte) error { return token.AtField("purse", "is closed") }

func TestTypeThatDecodesItselfRefusesInItsOwnWords(t *testing.T) {
	s := newStage(t, nil, route("POST /a", func(c *web.Call) error {
		return c.JSON(&struct {
			Purse purse `json:"purse"`
		}{})
	}))
	body := refused(t, s.do("POST", "/a", `{"purse":1}`), 422, "invalid_value")
	if body["error_description"] != "purse: is closed" {
		t.Errorf("got %v", body)
	}
}
