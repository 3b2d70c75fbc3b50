package snakectl_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// impure are what a pure package may not call of the packages that it may import:
// it is handed the time, and names of files without the files.
var impure = map[string][]string{
	"time":     {"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"},
	"filepath": {"Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"},
}

// sourceComplaints returns one sentence for each thing that the files (path ->
// syntax) leave undocumented, and for each impure call of a pure package.
func sourceComplaints(files map[string]*ast.File) []string {
	var complaints []string
	comments := map[string][]string{}
	for name, file := range files {
		dir := path.Dir(name)
		if _, ok := comments[dir]; !ok {
			comments[dir] = nil
		}
		if file.Doc != nil {
			comments[dir] = append(comments[dir], path.Base(name))
		}
		for _, undocumented := range undocumentedNames(file) {
			complaints = append(complaints, fmt.Sprintf("%s: exported %s has no comment", name, undocumented))
		}
		if rules[dir].pure {
			for _, call := range impureCalls(file) {
				complaints = append(complaints, fmt.Sprintf("%s: a pure package calls %s", name, call))
			}
		}
	}
	for dir, found := range comments {
		if len(found) != 1 {
			slices.Sort(found)
			complaints = append(complaints, fmt.Sprintf("%s: want one package comment, got %d %v", dir, len(found), found))
		}
	}
	slices.Sort(complaints)
	return complaints
}

// undocumentedNames lists the exported names of a file without a comment. One
// comment on a group of constants or variables is enough for the group.
func undocumentedNames(file *ast.File) []string {
	var names []string
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && hasExportedReceiver(d) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names = append(names, undocumentedSpec(d, spec)...)
			}
		}
	}
	return names
}

func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
			return []string{s.Name.Name}
		}
	case *ast.ValueSpec:
		if d.Doc != nil || s.Doc != nil || s.Comment != nil {
			return nil
		}
		var names []string
		for _, name := range s.Names {
			if name.IsExported() {
				names = append(names, name.Name)
			}
		}
		return names
	}
	return nil
}

// hasExportedReceiver is true for functions too: their name alone decides.
func hasExportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

func impureCalls(file *ast.File) []string {
	var calls []string
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(impure[x.Name], sel.Sel.Name) {
				calls = append(calls, x.Name+"."+sel.Sel.Name)
			}
		}
		return true
	})
	return calls
}

// parseModule reads every non-test Go file below the module's root.
func parseModule(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	fset := token.NewFileSet()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "tools") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files[name] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	files := parseModule(t)
	if len(files) < 3 {
		t.Fatalf("found %d files, want the whole module", len(files))
	}
	for _, complaint := range sourceComplaints(files) {
		t.Error(complaint)
	}
}

func TestUndocumentedSourceIsNoticed(t *testing.T) {
	tests := []struct {
		name, file, source string
		want               []string
	}{
		{"no package comment", "client/x.go", "package client", []string{"want one package comment, got 0"}},
		{"function", "client/x.go", "// Package client calls.\npackage client\nfunc Dial() {}", []string{"exported Dial"}},
		{
			"method of an exported type", "client/x.go",
			"// Package client calls.\npackage client\n// T is.\ntype T struct{}\nfunc (t *T) Do() {}",
			[]string{"exported Do"},
		},
		{
			"method of a hidden type", "client/x.go",
			"// Package client calls.\npackage client\ntype t struct{}\nfunc (t) Do() {}", nil,
		},
		{
			"generic receiver", "client/x.go",
			"// Package client calls.\npackage client\n// T is.\ntype T[V any] struct{}\nfunc (t *T[V]) Do() {}",
			[]string{"exported Do"},
		},
		{"type", "client/x.go", "// Package client calls.\npackage client\ntype T int", []string{"exported T"}},
		{"constant", "client/x.go", "// Package client calls.\npackage client\nconst A, B = 1, 2", []string{"exported A", "exported B"}},
		{"documented group", "client/x.go", "// Package client calls.\npackage client\n// Limits.\nconst (\nA = 1\nB = 2\n)", nil},
		{
			"clock in a pure package", "internal/planner/x.go",
			"// Package planner decides.\npackage planner\nimport \"time\"\nvar now = time.Now()",
			[]string{"calls time.Now"},
		},
		{
			"directory in a pure package", "internal/pool/x.go",
			"// Package pool names.\npackage pool\nimport \"path/filepath\"\nvar at, err = filepath.Abs(\".\")",
			[]string{"calls filepath.Abs"},
		},
		{
			"clock elsewhere", "client/x.go",
			"// Package client calls.\npackage client\nimport \"time\"\nvar now = time.Now()", nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := parser.ParseFile(token.NewFileSet(), tt.file, tt.source, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			got := sourceComplaints(map[string]*ast.File{tt.file: file})
			if len(got) != len(tt.want) {
				t.Fatalf("sourceComplaints = %q, want %d", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("sourceComplaints[%d] = %q, want it to contain %q", i, got[i], want)
				}
			}
		})
	}
}
