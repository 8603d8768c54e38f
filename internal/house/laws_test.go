// Package house knows the laws of this project's code and keeps them: which
// room may know which, how long a file is, what must be explained. They are
// the part of our manners that a program can check.
package house

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

const (
	module    = "github.com/fichadev/ficha"
	mostLines = 450
)

// A law looks at one file and says what is wrong with it.
type law func(f file) []string

var laws = map[string]law{
	"ImportsFollowTheArrows":    followArrows,
	"PureRoomsDoNoIO":           stayPure,
	"TestModulesStayInTests":    keepTestModules,
	"FilesAreShort":             beShort,
	"ExportedNamesAreExplained": explainNames,
	"OnlyWiringReadsTheClock":   leaveClock,
	"TestsMoveTheClock":         moveClock,
	"NothingRunsBeforeMain":     noInit,
}

func followArrows(f file) (wrong []string) {
	if f.test {
		return nil
	}
	allowed, known := arrows[f.room]
	if !known {
		return []string{fmt.Sprintf("room %q is not in the table of arrows", f.room)}
	}
	for _, path := range f.imports() {
		to, ours := roomOf(path)
		if !ours || to == f.room {
			continue
		}
		isTest := slices.Contains(testRooms, to)
		if isTest || !slices.Contains(allowed, to) && !slices.Contains(allowed, anything) {
			wrong = append(wrong, fmt.Sprintf("%s may not import %s", f.room, to))
		}
	}
	return wrong
}

func stayPure(f file) (wrong []string) {
	if f.test || !slices.Contains(pureRooms, f.room) {
		return nil
	}
	for _, path := range f.imports() {
		if slices.Contains(outside, path) {
			wrong = append(wrong, fmt.Sprintf("%s does no I/O and may not import %s", f.room, path))
		}
	}
	return wrong
}

func keepTestModules(f file) (wrong []string) {
	if f.test || slices.Contains(testRooms, f.room) {
		return nil
	}
	for _, path := range f.imports() {
		for _, m := range testModules {
			if strings.HasPrefix(path+"/", strings.TrimSuffix(m, "/")+"/") {
				wrong = append(wrong, path+" is for tests only")
			}
		}
	}
	return wrong
}

func beShort(f file) []string {
	if f.test || f.lines <= mostLines {
		return nil
	}
	return []string{fmt.Sprintf("%d lines, at most %d", f.lines, mostLines)}
}

func explainNames(f file) (wrong []string) {
	if f.test {
		return nil
	}
	for _, d := range f.tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && receiverIsExported(d) {
				wrong = append(wrong, f.at(d)+d.Name.Name+" has no comment")
			}
		case *ast.GenDecl:
			wrong = append(wrong, unexplained(f, d)...)
		}
	}
	return wrong
}

// receiverIsExported reports whether outsiders can see the method, or it is a function.
func receiverIsExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	for of := d.Recv.List[0].Type; ; {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		case *ast.IndexListExpr:
			of = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return true
		}
	}
}

// unexplained returns the exported names of a declaration without a comment
// above it, above the name or, for values, behind it or above their group.
func unexplained(f file, d *ast.GenDecl) (wrong []string) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
				wrong = append(wrong, f.at(s)+s.Name.Name+" has no comment")
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					wrong = append(wrong, f.at(s)+name.Name+" has no comment")
				}
			}
		}
	}
	return wrong
}

func leaveClock(f file) []string {
	_, excused := clockReaders[f.path]
	if f.test || excused || strings.HasPrefix(f.room, "cmd/") {
		return nil
	}
	return f.uses("time", clock...)
}

// moveClock lets a test sleep only in synctest's bubble, where it costs nothing.
func moveClock(f file) []string {
	_, excused := clockReaders[f.path]
	if !f.test || excused || slices.Contains(f.imports(), "testing/synctest") {
		return nil
	}
	return f.uses("time", "Sleep")
}

func noInit(f file) (wrong []string) {
	for _, d := range f.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			wrong = append(wrong, f.at(fn)+"init runs where nobody reads it")
		}
	}
	return wrong
}

// beginsRight checks a package's own comment; a program's begins with its name.
func beginsRight(files []file) []string {
	name := files[0].tree.Name.Name
	want := "Package " + name + " knows "
	if name == "main" {
		want = "Command "
	}
	for _, f := range files {
		if f.tree.Doc != nil && strings.HasPrefix(strings.Join(strings.Fields(f.tree.Doc.Text()), " ")+" ", want) {
			return nil
		}
	}
	return []string{fmt.Sprintf("no comment begins with %q", want)}
}

// uses returns where the file names one of a package's functions.
func (f file) uses(pkg string, functions ...string) (found []string) {
	name := f.nameOf(pkg)
	ast.Inspect(f.tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || name == "" {
			return name != ""
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && slices.Contains(functions, sel.Sel.Name) {
			found = append(found, f.at(sel)+pkg+"."+sel.Sel.Name)
		}
		return true
	})
	return found
}

// nameOf returns what the file calls a package of the standard library, "" if
// it does not import it.
func (f file) nameOf(pkg string) string {
	for _, spec := range f.tree.Imports {
		if spec.Path.Value != strconv.Quote(pkg) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return pkg
	}
	return ""
}

func (f file) at(n ast.Node) string {
	return "line " + strconv.Itoa(f.set.PositionFor(n.Pos(), false).Line) + ": "
}
