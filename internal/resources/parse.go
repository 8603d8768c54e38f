package resources

import "github.com/fichadev/ficha/internal/token"

var sections = []string{"environment", "scopes", "workspaces", "roles", "users", "clients", "resources", "tokens", "webhooks"}

// Parse reads a resources file. name is the file's path as people know it:
// it begins every message, and file: values are relative to its folder. env
// looks up an environment variable and readFile reads a whole file; a nil one
// means that such values are refused, as a server must for text it is sent.
// readFile bounds its own memory; a value of more than 64 KiB is refused.
//
// The error is of type Problems, every problem with its line, and holds a
// token.Refusal; the File is then nil. No message carries a value that could
// be a secret. Warnings are given in both cases.
func Parse(name string, text []byte, env func(string) (string, bool), readFile func(path string) ([]byte, error)) (*File, []Warning, error) {
	r := &reader{file: name, env: env, readFile: readFile}
	f := new(File)
	if root, ok := r.tree(text); ok {
		r.read(f, root)
	}
	if len(r.problems) > 0 {
		return nil, r.warnings, r.problems.sorted()
	}
	return f, r.warnings, nil
}

func (r *reader) read(f *File, root value) {
	o, ok := root.object(sections)
	if !ok {
		return
	}
	for key, section := range o.fields {
		if section.null() {
			delete(o.fields, key) // a section whose every line is commented out
		}
	}
	f.Environment = readEnvironment(o)
	f.Scopes = each(o, "scopes", readScope)
	f.Workspaces = each(o, "workspaces", readWorkspace)
	f.Roles = each(o, "roles", readRole)
	f.Users = each(o, "users", readUser)
	f.Clients = each(o, "clients", readClient)
	f.Resources = each(o, "resources", readResource)
	f.Tokens = each(o, "tokens", readImport)
	f.Webhooks = each(o, "webhooks", readWebhook)
	r.compare(f)
}

// readEnvironment accepts what a secret's prefix may carry.
func readEnvironment(o object) string {
	v, ok := o.fields["environment"]
	if !ok {
		return ""
	}
	s, ok := v.text()
	if !ok {
		return ""
	}
	if _, err := token.NewFormat(s, make([]byte, 16)); err != nil || s == "" {
		v.fail("is not a name; use 1 to 16 lower-case letters and digits, such as sandbox")
	}
	return s
}
