package spec

import (
	"encoding/json"
	"fmt"

	"github.com/snakectl/snakectl/internal/pool"
)

// fragment is a part of a JSON Schema.
type fragment = map[string]any

// JSONSchema returns the JSON Schema (draft 2020-12) of *.hcl.json files. It is made
// from the same rows as the decoder, so it knows the attributes that the program does;
// what rows cannot say, such as that a runtime exists, only validate knows.
func JSONSchema() []byte {
	names := fragment{"pattern": `^[A-Za-z][A-Za-z0-9_-]{0,62}$`}
	labelled := func(body fragment) fragment {
		return oneOrMany(fragment{"type": "object", "propertyNames": names, "additionalProperties": oneOrMany(body)})
	}
	assertion := fragment{
		"type": "object", "required": []string{"condition", "error_message"}, "additionalProperties": false,
		"properties": fragment{"condition": fragment{}, "error_message": fragment{"type": "string"}},
	}
	pools := blockSchema(newLevel(pool.PoolSchema()))
	defaults := blockSchema(newLevel(pool.PoolSchema()))
	properties(pools)[blockPrecondition] = oneOrMany(assertion)
	for _, name := range []string{attrForEach, attrAdapter, attrDepends} {
		delete(properties(defaults), name)
	}
	address := fragment{"type": "string", "pattern": `^pool\.`}
	text, err := json.MarshalIndent(fragment{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "snakectl configuration (*.hcl.json)",
		"$defs":   fragment{"expression": fragment{"type": "string", "pattern": `[$%]\{`}},
		"type":    "object", "additionalProperties": false,
		"properties": fragment{
			"//":          fragment{},
			"snakectl":    oneOrMany(object(fragment{"required_version": fragment{"type": "string"}})),
			blockSettings: oneOrMany(blockSchema(newLevel(pool.SettingsSchema()))),
			blockVariable: labelled(object(fragment{
				"type": fragment{"type": "string"}, "default": fragment{}, "description": fragment{"type": "string"},
				"nullable": fragment{"type": "boolean"}, "sensitive": fragment{"type": "boolean"}, "validation": oneOrMany(assertion),
			})),
			blockLocals: oneOrMany(fragment{"type": "object"}),
			blockRuntime: oneOrMany(fragment{"type": "object", "additionalProperties": false, "properties": fragment{
				"python": labelled(blockSchema(newLevel(pool.RuntimeSchema()))),
			}}),
			blockDefaults: oneOrMany(fragment{"type": "object", "additionalProperties": false, "properties": fragment{"pool": oneOrMany(defaults)}}),
			blockPool:     labelled(pools),
			blockMoved: oneOrMany(fragment{
				"type": "object", "required": []string{"from", "to"}, "additionalProperties": false,
				"properties": fragment{"from": address, "to": address},
			}),
			blockCheck: labelled(object(fragment{blockAssert: oneOrMany(assertion)})),
		},
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("internal error: cannot encode the JSON Schema: %v", err))
	}
	return append(text, '\n')
}

// object is an object with these properties, a comment ("//") and no others.
func object(props fragment) fragment {
	props["//"] = fragment{}
	return fragment{"type": "object", "additionalProperties": false, "properties": props}
}

func properties(schema fragment) fragment { return schema["properties"].(fragment) }

// oneOrMany is a block: HCL takes an object, or a list of them.
func oneOrMany(body fragment) fragment {
	return fragment{"anyOf": []any{body, fragment{"type": "array", "items": body}}}
}

// blockSchema is the schema of one block and what is nested in it.
func blockSchema(v *level) fragment {
	props := fragment{}
	for name, row := range v.rows {
		props[name] = rowSchema(row)
	}
	for name, inner := range v.blocks {
		props[name] = oneOrMany(blockSchema(inner))
	}
	if v.prefix == "" && len(v.blocks) > 0 {
		props["dynamic"] = fragment{"type": []string{"object", "array"}}
	}
	return object(props)
}

// rowSchema is the schema of one attribute: a value of its type, an expression in a
// string, or null, which leaves it at its default.
func rowSchema(row *pool.Row) fragment {
	forms := []any{valueSchema(row), fragment{"$ref": "#/$defs/expression"}, fragment{"type": "null"}}
	out := fragment{"anyOf": forms, "description": row.Doc}
	if row.Default != "" && json.Valid([]byte(row.Default)) {
		out["default"] = json.RawMessage(row.Default)
	}
	return out
}

func valueSchema(row *pool.Row) fragment {
	texts := fragment{"type": "string"}
	if row.Accepts != nil {
		texts = fragment{"enum": row.Accepts}
	}
	switch row.Type {
	case pool.TypeBool:
		return fragment{"type": "boolean"}
	case pool.TypeInt:
		return fragment{"type": "integer", "minimum": row.Min, "maximum": row.Max}
	case pool.TypeNumber:
		return fragment{"type": "number", "minimum": row.Min, "maximum": row.Max}
	case pool.TypeDuration:
		return fragment{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d))+$|^0$`}
	case pool.TypeSize:
		return fragment{"anyOf": []any{fragment{"type": "integer", "minimum": row.Min, "maximum": row.Max}, fragment{"type": "string", "pattern": `^[0-9]`}}}
	case pool.TypeShare:
		return fragment{"anyOf": []any{fragment{"type": "integer", "minimum": 1}, fragment{"type": "string", "pattern": `^[0-9]+%?$`}}}
	case pool.TypeStrings, pool.TypePaths, pool.TypePools, pool.TypeAttributes:
		if row.Accepts == nil {
			texts = fragment{"type": []string{"string", "number"}}
		}
		return fragment{"type": "array", "items": texts}
	case pool.TypeStringMap:
		return fragment{"type": "object", "additionalProperties": fragment{"type": []string{"string", "number", "boolean"}}}
	case pool.TypeObject:
		return fragment{"type": "object"}
	case pool.TypeForEach:
		return fragment{"type": []string{"object", "array"}}
	case pool.TypeRuntimeRef:
		return fragment{"type": "string", "pattern": `runtime\.python\.`}
	case pool.TypeString, pool.TypePath:
		return texts
	}
	panic(fmt.Sprintf("internal error: no JSON Schema for the type %q of %q", row.Type, row.Path))
}
