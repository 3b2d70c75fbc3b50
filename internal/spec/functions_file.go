package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/snakectl/snakectl/internal/code/glob"
)

const (
	maxFunctionFile = 16 << 20
	maxFileset      = 10_000
)

// fileFunctions are the functions that read files. They read nothing outside
// root, links included.
type fileFunctions struct {
	root string
}

func (f fileFunctions) register(out map[string]function.Function) {
	out["file"] = pathFunction("The text of a file.", cty.String, f.file)
	out["fileexists"] = pathFunction("Whether a file exists.", cty.Bool, f.exists)
	out["filesha256"] = pathFunction("The hex SHA-256 of a file.", cty.String, f.sha256)
	out["basename"] = pathFunction("The last element of a path.", cty.String, func(p string) (cty.Value, error) {
		return cty.StringVal(filepath.Base(p)), nil
	})
	out["dirname"] = pathFunction("A path without its last element.", cty.String, func(p string) (cty.Value, error) {
		return cty.StringVal(filepath.Dir(p)), nil
	})
	out["abspath"] = pathFunction("An absolute path; relative ones begin at the configuration.", cty.String, func(p string) (cty.Value, error) {
		if !filepath.IsAbs(p) {
			p = filepath.Join(f.root, p)
		}
		return cty.StringVal(filepath.Clean(p)), nil
	})
	out["fileset"] = function.New(&function.Spec{
		Description: "The files below a directory whose path matches a pattern; ** crosses directories.",
		Params:      []function.Parameter{{Name: "dir", Type: cty.String}, {Name: "pattern", Type: cty.String}},
		Type:        function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return f.fileset(args[0].AsString(), args[1].AsString())
		},
	})
	out["templatefile"] = function.New(&function.Spec{
		Description: "The text of a template file with the given variables.",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return f.template(args[0].AsString(), args[1])
		},
	})
}

func pathFunction(doc string, returns cty.Type, impl func(string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Description: doc,
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(returns),
		Impl:        func(args []cty.Value, _ cty.Type) (cty.Value, error) { return impl(args[0].AsString()) },
	})
}

// local returns a path relative to the root.
func (f fileFunctions) local(name string) (string, error) {
	rel := filepath.Clean(name)
	if filepath.IsAbs(rel) {
		var err error
		if rel, err = filepath.Rel(f.root, rel); err != nil {
			return "", err
		}
	}
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s lies outside the configuration's directory", name)
	}
	return rel, nil
}

func (f fileFunctions) read(name string) ([]byte, error) {
	rel, err := f.local(name)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxFunctionFile+1))
	if err == nil && len(b) > maxFunctionFile {
		err = fmt.Errorf("%s is larger than 16 MiB", name)
	}
	return b, err
}

func (f fileFunctions) file(name string) (cty.Value, error) {
	b, err := f.read(name)
	if err != nil {
		return cty.NilVal, err
	}
	if !utf8.Valid(b) {
		return cty.NilVal, fmt.Errorf("%s is not UTF-8 text", name)
	}
	return cty.StringVal(string(b)), nil
}

func (f fileFunctions) exists(name string) (cty.Value, error) {
	rel, err := f.local(name)
	if err != nil {
		return cty.NilVal, err
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return cty.NilVal, err
	}
	defer root.Close()
	info, err := root.Stat(rel)
	if errors.Is(err, fs.ErrNotExist) {
		return cty.False, nil
	}
	if err != nil {
		return cty.NilVal, err
	}
	return cty.BoolVal(info.Mode().IsRegular()), nil
}

func (f fileFunctions) sha256(name string) (cty.Value, error) {
	b, err := f.read(name)
	if err != nil {
		return cty.NilVal, err
	}
	sum := sha256.Sum256(b)
	return cty.StringVal(hex.EncodeToString(sum[:])), nil
}

func (f fileFunctions) fileset(dir, pattern string) (cty.Value, error) {
	if err := glob.Check(pattern); err != nil {
		return cty.NilVal, err
	}
	rel, err := f.local(dir)
	if err != nil {
		return cty.NilVal, err
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return cty.NilVal, err
	}
	defer root.Close()
	base := filepath.ToSlash(rel)
	var found []cty.Value
	err = fs.WalkDir(root.FS(), base, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		below := name
		if base != "." {
			below = name[len(base)+1:]
		}
		if !glob.Match(pattern, path.Clean(below)) {
			return nil
		}
		if found = append(found, cty.StringVal(below)); len(found) > maxFileset {
			return fmt.Errorf("%q matches more than %d files", pattern, maxFileset)
		}
		return nil
	})
	if err != nil {
		return cty.NilVal, err
	}
	if len(found) == 0 {
		return cty.SetValEmpty(cty.String), nil
	}
	return cty.SetVal(found), nil
}

// template evaluates a template file. It may call every function but
// templatefile itself.
func (f fileFunctions) template(name string, vars cty.Value) (cty.Value, error) {
	if t := vars.Type(); vars.IsNull() || !t.IsMapType() && !t.IsObjectType() {
		return cty.NilVal, fmt.Errorf("the variables of a template are a map or an object")
	}
	src, err := f.read(name)
	if err != nil {
		return cty.NilVal, err
	}
	for _, d := range []*hcl.Diagnostic{checkSize(name, int64(len(src))), checkTemplate(src, name)} {
		if d != nil {
			return cty.NilVal, fmt.Errorf("%s: %s", name, d.Detail)
		}
	}
	expr, diags := hclsyntax.ParseTemplate(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	callable := functions(f.root)
	delete(callable, "templatefile")
	val, diags := expr.Value(&hcl.EvalContext{Variables: vars.AsValueMap(), Functions: callable})
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	if val.Type() != cty.String || val.IsNull() {
		return cty.NilVal, fmt.Errorf("%s does not make a text", name)
	}
	return val, nil
}
