package resources

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/fichadev/ficha/internal/token"
)

// maxNumber is the largest integer that every JSON reader keeps whole.
const maxNumber = 1<<53 - 1

// maxSeconds is a hundred years, the longest lifetime.
const maxSeconds = 100 * 365 * 86400

// text returns a key's one-line text, "" where it is absent or wrong.
func (o object) text(key string) string {
	if v, ok := o.fields[key]; ok {
		s, _ := v.text()
		return s
	}
	return ""
}

// require reports a key that is absent.
func (o object) require(key string) bool {
	_, given := o.fields[key]
	if !given {
		o.fail("has no %s; add it", key)
	}
	return given
}

// need returns a key's text, and reports one that is absent or empty.
func (o object) need(key string) string {
	if !o.require(key) {
		return ""
	}
	s, ok := o.fields[key].text()
	if ok && s == "" {
		o.failAt(key, "is empty; give it a value")
	}
	return s
}

// secret returns a key's secret and warns of one that is easily guessed.
func (o object) secret(key string, least int) string {
	v, ok := o.fields[key]
	if !ok {
		return ""
	}
	return v.secret(least)
}

func (v value) secret(least int) string {
	s, ok := v.text()
	if !ok {
		return ""
	}
	if s == "" {
		v.fail("is empty; give it a value or remove the key")
	} else if len([]rune(s)) < least {
		v.warn("is weak: it has fewer than %d characters", least)
	}
	return s
}

// id returns a key's identifier.
func (o object) id(key string) string {
	s := o.need(key)
	if s != "" && !token.IsName(s) {
		o.failAt(key, "is not an identifier; use 1 to 128 of A-Z a-z 0-9 . _ : -")
	}
	return s
}

// optionalID returns a key's identifier, "" where it is absent.
func (o object) optionalID(key string) string {
	if _, ok := o.fields[key]; !ok {
		return ""
	}
	return o.id(key)
}

// ids returns a list of identifiers without repetition.
func (o object) ids(key string) []string {
	var all []string
	for _, v := range o.list(key) {
		s, ok := v.text()
		if ok && !token.IsName(s) {
			v.fail("is not an identifier; use 1 to 128 of A-Z a-z 0-9 . _ : -")
		}
		if ok && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// clientID returns a key's client identifier, empty where it is absent. RFC
// 6749, A.1 allows the space as well; nobody could tell it from a mistake.
func (o object) clientID(key string) string {
	v, given := o.fields[key]
	if !given {
		return ""
	}
	s, ok := v.text()
	if ok && !visible(s, 200) {
		v.fail("is not a client id; use 1 to 200 printable ASCII characters without space")
	}
	return s
}

// visible reports whether s is 1 to most printable ASCII characters without
// space: what a header can carry as one word.
func visible(s string, most int) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// list returns a list's members, none where the key is absent. Lists of words
// are at most 1000 long.
func (o object) list(key string) []value {
	v, ok := o.fields[key]
	if !ok {
		return nil
	}
	members := v.items()
	if len(members) > 1000 {
		v.fail("has more than 1000 members; name fewer")
		return nil
	}
	return members
}

// texts returns a list of texts.
func (o object) texts(key string) []string {
	all := []string(nil)
	for _, v := range o.list(key) {
		if s, ok := v.text(); ok {
			all = append(all, s)
		}
	}
	return all
}

// scopes returns a list of scope names and whether the key was given.
func (o object) scopes(key string) (token.Scopes, bool) {
	v, ok := o.fields[key]
	if !ok {
		return nil, false
	}
	set, err := token.MakeScopes(o.texts(key))
	if err != nil {
		v.fail("%s", token.AsRefusal(err).Text)
	}
	return set, true
}

// scopeText returns a space-separated list of scopes, as RFC 7591 writes it.
func (o object) scopeText(key string) token.Scopes {
	set, err := token.ParseScopes(o.text(key))
	if err != nil {
		o.failAt(key, "%s", token.AsRefusal(err).Text)
	}
	return set
}

// word returns one of a few words, "" where the key is absent.
func (o object) word(key string, known ...string) string {
	v, ok := o.fields[key]
	if !ok {
		return ""
	}
	return v.word(known...)
}

func (v value) word(known ...string) string {
	s, ok := v.textAs(either(known))
	if ok && !slices.Contains(known, s) {
		v.fail("is not known; use %s", either(known))
	}
	return s
}

// textAs returns a text that stands for something else, which is what to write
// in place of a list.
func (v value) textAs(instead string) (string, bool) {
	if !v.single(instead) {
		return "", false
	}
	return v.text()
}

// single reports whether a value is one, neither a list nor a set of keys, and
// says what to write if it is not.
func (v value) single(instead string) bool {
	if v.node.Kind == yaml.ScalarNode {
		return true
	}
	v.fail("is not a single value; write %s", instead)
	return false
}

// either lists two or more words to choose from.
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// yes returns a truth value, false where the key is absent.
func (o object) yes(key string) bool {
	return o.word(key, "true", "false") == "true"
}

// number returns a positive integer, 0 where the key is absent.
func (o object) number(key string) int64 {
	v, ok := o.fields[key]
	if !ok {
		return 0
	}
	s, ok := v.textAs("a number")
	n, err := strconv.ParseInt(s, 10, 64)
	if ok && (err != nil || n < 1 || n > maxNumber) {
		v.fail("is not a number; use 1 to %d", int64(maxNumber))
	}
	return n
}

// seconds returns a duration, 0 where the key is absent.
func (o object) seconds(key string) int64 {
	v, ok := o.fields[key]
	if !ok {
		return 0
	}
	const such = "15s, 30m, 12h, 90d, 1h30m or a number of seconds, up to 100 years"
	s, ok := v.textAs(such)
	n := duration(s)
	if ok && n == 0 {
		v.fail("is not a duration; write %s", such)
	}
	return n
}

// duration reads days, hours, minutes and seconds, each at most once and in
// that order, or a bare number of seconds. It returns 0 for anything else.
func duration(s string) int64 {
	if n, ok := digits(s); ok && n <= maxSeconds {
		return n
	}
	var total int64
	for _, unit := range []struct {
		mark    string
		seconds int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}} {
		before, after, found := strings.Cut(s, unit.mark)
		if !found {
			continue
		}
		n, ok := digits(before)
		if !ok {
			return 0
		}
		total, s = total+n*unit.seconds, after
	}
	if s != "" || total > maxSeconds {
		return 0
	}
	return total
}

// digits reads up to ten of them, so that no unit makes it overflow.
func digits(s string) (int64, bool) {
	if s == "" || len(s) > 10 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// instant returns an instant in ms, 0 where the key is absent.
func (o object) instant(key string) int64 {
	v, ok := o.fields[key]
	if !ok {
		return 0
	}
	const such = "2027-01-31 or 2027-01-31T12:00:00Z"
	s, ok := v.textAs(such)
	if !ok {
		return 0
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil && at.UnixMilli() > 0 {
			return at.UnixMilli()
		}
	}
	v.fail("is not an instant; write %s", such)
	return 0
}

// email returns an address in lower case: people type it in any.
func (o object) email(key string) string {
	s := o.need(key)
	if s == "" {
		return ""
	}
	address, err := mail.ParseAddress(s)
	if err != nil || address.Address != s || len(s) > 254 {
		o.failAt(key, "is not an e-mail address; write it as ana@example.com")
	}
	return strings.ToLower(s)
}

// localized returns texts by language; a plain text stands under "".
func (o object) localized(key string) map[string]string {
	v, ok := o.fields[key]
	if !ok {
		return nil
	}
	texts := make(map[string]string)
	if !v.mapping() {
		texts[""], _ = v.prose()
		return texts
	}
	languages, _ := v.objectOr([]string{"en", "es", "pt"}, language)
	for tag, text := range languages.fields {
		texts[strings.ToLower(tag)], _ = text.prose()
	}
	return texts
}

// language reports whether s has the shape of a language tag (RFC 5646).
func language(s string) bool {
	for i, part := range strings.Split(s, "-") {
		least := 1
		if i == 0 {
			least = 2
		}
		if len(part) < least || len(part) > 8 || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return len(s) <= 35
}
