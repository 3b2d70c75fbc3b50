package event_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/snakectl/snakectl/test/golden"
)

const referenceHead = `# Events

What happens in a running instance is told as events: ` + "`snakectl events`" + ` prints them, ` + "`GET /v1/events`" + ` on the supervisor's
socket streams them, and ` + "`client.Events`" + ` reads them in Go. This page is made from the types in ` + "`internal/event`" + `; a test fails
when it is stale.

One event is one line of JSON:

| field | |
|---|---|
| ` + "`v`" + ` | the version of this form: 1 |
| ` + "`seq`" + ` | numbers the events of one supervisor from 1; a gap is an event that the filter kept back or that was dropped |
| ` + "`ts`" + ` | when it happened |
| ` + "`type`" + ` | one of the types below |
| ` + "`dropped`" + ` | how many events before this one the reader was too slow for; left out when none |
| ` + "`data`" + ` | the fields of the type |

The last 4096 events that are not of requests are remembered, so that ` + "`--since`" + ` can begin in the past. Events of requests are made
only while somebody listens to them. A reader has room for 8192 events; one that is slower loses the oldest, and nobody waits for it.
Fields and types are only ever added.
`

// TestReference keeps the page in step with the types. UPDATE=1 writes it.
func TestReference(t *testing.T) { golden.File(t, "../../docs/reference/events.md", reference(t)) }

// source is a type of kind.go or kind_call.go.
type source struct {
	name, doc string
	fields    *ast.FieldList
}

func reference(t *testing.T) string {
	t.Helper()
	var decls []ast.Decl
	for _, name := range []string{"kind.go", "kind_call.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	byName := map[string]source{}
	var order []string
	for _, decl := range decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			if ts, ok := spec.(*ast.TypeSpec); ok {
				if st, ok := ts.Type.(*ast.StructType); ok {
					byName[ts.Name.Name] = source{ts.Name.Name, general.Doc.Text(), st.Fields}
					order = append(order, ts.Name.Name)
				}
			}
		}
	}
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, name := range order {
		if strings.HasPrefix(name, "On") {
			continue
		}
		text := strings.TrimPrefix(oneLine(byName[name].doc), name+" tells that ")
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n| field | type | |\n|---|---|---|\n", kindOf(name), strings.ToUpper(text[:1])+text[1:])
		for _, row := range rows(byName, name) {
			b.WriteString(row)
		}
	}
	return b.String()
}

// rows returns the fields of a type, those it embeds first.
func rows(byName map[string]source, name string) []string {
	var out []string
	for _, field := range byName[name].fields.List {
		kind := field.Type.(*ast.Ident).Name
		if len(field.Names) == 0 {
			out = append(out, rows(byName, kind)...)
			continue
		}
		key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
		text := oneLine(field.Doc.Text())
		if _, rest, ok := strings.Cut(text, field.Names[0].Name+" "); ok {
			text = strings.TrimPrefix(rest, "is ")
		}
		switch {
		case kind == "bool":
		case kind != "string":
			kind = "number"
		}
		out = append(out, fmt.Sprintf("| `%s` | %s | %s |\n", key, kind, strings.TrimSuffix(text, ".")))
	}
	return out
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// kindOf returns worker.ready of WorkerReady, as the types themselves do.
func kindOf(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.Replace(strings.ToLower(b.String()), "_", ".", 1)
}
