package spec_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/pool"
	"github.com/snakectl/snakectl/internal/spec"
)

// checker validates values against the keywords that the schema uses; a keyword that
// it does not know is an error, so that none goes unchecked.
type checker struct{ root map[string]any }

func (c checker) check(schema map[string]any, v any, at string) error {
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		if err := c.keyword(keyword, schema, v); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	props, _ := schema["properties"].(map[string]any)
	object, _ := v.(map[string]any)
	for name, item := range object {
		inner, known := props[name].(map[string]any)
		if rest, ok := schema["additionalProperties"]; ok && !known {
			if inner, known = rest.(map[string]any); !known {
				return fmt.Errorf("%s: %q is no property", at, name)
			}
		}
		if !known {
			continue
		}
		if err := c.check(inner, item, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) keyword(keyword string, schema map[string]any, v any) error {
	want := schema[keyword]
	text, isText := v.(string)
	number, isNumber := v.(float64)
	switch keyword {
	case "$schema", "$defs", "title", "description", "default", "properties", "additionalProperties":
		return nil
	case "type":
		if !typed(want, v) {
			return fmt.Errorf("%v is not of type %v", v, want)
		}
	case "pattern":
		if isText && !regexp.MustCompile(want.(string)).MatchString(text) {
			return fmt.Errorf("%q does not match %v", text, want)
		}
	case "enum":
		if !slices.ContainsFunc(want.([]any), func(w any) bool { return reflect.DeepEqual(w, v) }) {
			return fmt.Errorf("%v is none of %v", v, want)
		}
	case "minimum":
		if isNumber && number < want.(float64) {
			return fmt.Errorf("%v is less than %v", v, want)
		}
	case "maximum":
		if isNumber && number > want.(float64) {
			return fmt.Errorf("%v is more than %v", v, want)
		}
	default:
		return c.applicator(keyword, want, v)
	}
	return nil
}

// applicator checks the keywords that hold other schemas.
func (c checker) applicator(keyword string, want, v any) error {
	object, _ := v.(map[string]any)
	switch keyword {
	case "$ref":
		name := strings.TrimPrefix(want.(string), "#/$defs/")
		return c.check(c.root["$defs"].(map[string]any)[name].(map[string]any), v, name)
	case "anyOf":
		var why []string
		for _, one := range want.([]any) {
			err := c.check(one.(map[string]any), v, "")
			if err == nil {
				return nil
			}
			why = append(why, err.Error())
		}
		return fmt.Errorf("nothing fits: %s", strings.Join(why, " | "))
	case "items":
		list, _ := v.([]any)
		for i, item := range list {
			if err := c.check(want.(map[string]any), item, fmt.Sprint(i)); err != nil {
				return err
			}
		}
	case "required":
		for _, name := range want.([]any) {
			if _, ok := object[name.(string)]; object != nil && !ok {
				return fmt.Errorf("%v is missing", name)
			}
		}
	case "propertyNames":
		for name := range object {
			if err := c.check(want.(map[string]any), name, name); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("unknown keyword %q", keyword)
	}
	return nil
}

func typed(want, v any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return typed(one, v) })
	}
	switch v := v.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case string:
		return want == "string"
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	}
	return false
}

func newChecker(t *testing.T) checker {
	t.Helper()
	var c checker
	if err := json.Unmarshal(spec.JSONSchema(), &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c checker) text(t *testing.T, text []byte) error {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return c.check(c.root, v, "")
}

// Every example in JSON is valid, for the schema and for the program.
func TestJSONSchemaTakesTheExamples(t *testing.T) {
	c := newChecker(t)
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*.hcl.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.text(t, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if _, diags := load(t, file, spec.Options{}); len(diags) > 0 {
			t.Errorf("%s:\n%s", file, diags.Text())
		}
	}
}

// The schema and the program agree about what is wrong.
func TestJSONSchemaRefuses(t *testing.T) {
	c := newChecker(t)
	for _, text := range []string{
		`{"pools": {}}`,
		`{"pool": {"api": {"adapter": "./a.py", "sise": 2}}}`,
		`{"pool": {"api": {"adapter": "./a.py", "size": "many"}}}`,
		`{"pool": {"api": {"adapter": "./a.py", "size": -1}}}`,
		`{"pool": {"api": {"adapter": "./a.py", "queue": {"policy": "lifo"}}}}`,
		`{"pool": {"api": {"adapter": "./a.py", "queue": {"timeout": "soon"}}}}`,
		`{"pool": {"0": {"adapter": "./a.py"}}}`,
		`{"pool": {"api": {"adapter": "./a.py", "precondition": {"condition": true}}}}`,
		`{"defaults": {"pool": {"adapter": "./a.py"}}, "pool": {"api": {"adapter": "./a.py"}}}`,
		`{"moved": {"from": "pool.x"}, "pool": {"api": {"adapter": "./a.py"}}}`,
		`{"settings": {"history_keep": 0}, "pool": {"api": {"adapter": "./a.py"}}}`,
		`{"runtime": {"ruby": {"x": {}}}, "pool": {"api": {"adapter": "./a.py"}}}`,
	} {
		if err := c.text(t, []byte(text)); err == nil {
			t.Errorf("the schema takes %s", text)
		}
		if _, diags := load(t, write(t, map[string]string{"p.hcl.json": text}), spec.Options{}); !diags.HasErrors() {
			t.Errorf("the program takes %s", text)
		}
	}
}

// Every attribute is in the schema, with its sentence.
func TestJSONSchemaHasEveryAttribute(t *testing.T) {
	text := string(spec.JSONSchema())
	for _, rows := range [][]pool.Row{pool.PoolSchema(), pool.RuntimeSchema(), pool.SettingsSchema()} {
		for _, row := range rows {
			doc, err := json.Marshal(row.Doc)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, string(doc)) {
				t.Errorf("%s is missing", row.Path)
			}
		}
	}
}
