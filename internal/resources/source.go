package resources

import "errors"

var errNotSent = errors.New("the file was not sent along")

// A Source is the text of a resources file and where its variables and files
// come from.
type Source struct {
	Name     string // the file's path, for messages; file: values are relative to its folder
	Text     []byte
	Env      func(name string) (string, bool)  // nil: ${NAME} is refused
	ReadFile func(path string) ([]byte, error) // nil: file:PATH is refused
}

// ParcelType is the media type of a Parcel as JSON.
const ParcelType = "application/vnd.ficha.source+json"

// A Parcel is a resources file with every variable and file that it uses, as a
// client sends it to a server: the server looks up nothing of its own. It is a
// secret.
type Parcel struct {
	Name      string            `json:"name"`
	Text      string            `json:"text"`
	Variables map[string]string `json:"variables,omitempty"`
	Files     map[string]string `json:"files,omitempty"` // by path as the text leads to it
}

// Pack reads a source and keeps what it looked up. What is wrong in the file is
// found here, as by Parse, before anything is sent. Env and ReadFile are
// required.
func Pack(from Source) (Parcel, []Warning, error) {
	p := Parcel{Name: from.Name, Text: string(from.Text), Variables: map[string]string{}, Files: map[string]string{}}
	env := func(name string) (string, bool) {
		v, ok := from.Env(name)
		if ok {
			p.Variables[name] = v
		}
		return v, ok
	}
	readFile := func(path string) ([]byte, error) {
		b, err := from.ReadFile(path)
		if err == nil {
			p.Files[path] = string(b)
		}
		return b, err
	}
	_, warnings, err := Parse(from.Name, from.Text, env, readFile)
	return p, warnings, err
}

// Source returns the parcel's file, with what was sent along and no more.
func (p Parcel) Source() Source {
	return Source{
		Name: p.Name, Text: []byte(p.Text),
		Env: func(name string) (string, bool) {
			v, ok := p.Variables[name]
			return v, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			if v, ok := p.Files[path]; ok {
				return []byte(v), nil
			}
			return nil, errNotSent
		},
	}
}
