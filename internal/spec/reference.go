package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/snakectl/snakectl/internal/pool"
)

const referenceHead = `# The language

A configuration is all ` + "`*.hcl` and `*.hcl.json`" + ` files of one directory, or one named file. This page is generated from the schema
table that the program itself reads; ` + "`snakectl schema`" + ` prints the same as a JSON Schema of ` + "`*.hcl.json`" + ` files.

The blocks are ` + "`snakectl`, `settings`, `variable`, `locals`, `runtime \"python\" \"NAME\"`, `defaults \"pool\"`, `pool \"NAME\"`, `moved` and `check \"NAME\"`" + `.
Names begin with a letter and go on with letters, digits, ` + "`-` and `_`" + `, at most 63 characters. Durations are strings such as
` + "`\"250ms\"`, `\"30s\"`, `\"1h30m\"` or `\"2d\"`" + `. A name with a dot is an attribute of a nested block: ` + "`queue.max` is written `queue { max = 1000 }`" + `.

What a change does to running workers:

| effect | what happens |
|---|---|
| stored | nothing: the value is only kept |
| plan | nothing: plans and applies heed it |
| live | it is taken up at once; no worker is touched |
| size | the difference is started or drained |
| roll | new workers start, then the old ones drain |
| address | it makes the addresses of pools |
`

const referenceTail = `
## ` + "`moved`" + `

` + "`moved { from = pool.a  to = pool.b[\"KEY\"] }`" + ` renames a pool: workers, calls, pauses and logs go on under the new address, and the plan says
so with a ` + "`>`" + `. Without keys in either it holds for every pool of a ` + "`for_each`" + `. A block whose work is done changes nothing; remove it when every
instance has applied it. Workers bear the name in their process that they were started with.

## ` + "`check \"NAME\"`" + ` and ` + "`precondition`" + `

` + "`precondition { condition = …, error_message = \"…\" }`" + ` in a pool, any number of times: an error when the condition does not hold. It may use
` + "`self` and `each`. `check \"NAME\" { assert { condition = …, error_message = \"…\" } }`" + ` outside of pools only warns.

## Files in the style of Snakepit 0.5

A file without a ` + "`pool`" + ` block whose top holds ` + "`adapter`, `pool_size`, `worker_profile`, `threads_per_worker`, `env`, `worker_ttl` (seconds),\n`worker_max_requests` or `memory_threshold_mb`" + ` is read as ` + "`pool \"default\"`" + `, with a warning. ` + "`snakectl fmt --upgrade`" + ` rewrites it.

## Values for variables

The later wins: the default, ` + "`SNAKECTL_VAR_NAME` in the environment, `snakectl.auto.hclvars`, other `*.auto.hclvars` in the order of their names,\n`--var-file`, `--var`" + `. A variable block takes ` + "`type`, `default`, `description`, `nullable`, `sensitive` and `validation { condition, error_message }`" + `. The value of a
sensitive variable is shown nowhere and may stand in conditions alone; ` + "`validate --show-vars`" + ` lists the others with where they came from.

## What expressions may use

` + "`var.NAME`, `local.NAME`, `runtime.python.NAME`, `each.key` and `each.value` (in a pool with `for_each`), `self.name`, `self.key`\nand `self.address` (in a pool), `host.cpus`, `host.memory`, `host.hostname`, `path.root`" + `, and the functions

`

// Reference returns docs/reference/language.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	writeTable(&b, "`pool \"NAME\"`", "Every attribute but `for_each` and `adapter` may also stand in `defaults \"pool\"`; what the pool itself sets wins.", pool.PoolSchema())
	writeTable(&b, "`runtime \"python\" \"NAME\"`", "A Python environment. A pool that names none uses `runtime.python.default`, which is the `python3` on the PATH unless it is declared.", pool.RuntimeSchema())
	writeTable(&b, "`settings`", "Settings of the supervisor.", pool.SettingsSchema())
	b.WriteString("\n## `snakectl`\n\n`required_version = \"~> 0.1\"` refuses a release that does not fit. Operators: `= != > >= < <= ~>`, joined by commas.\n")
	b.WriteString(referenceTail)
	names := slices.Sorted(maps.Keys(functions(".")))
	for i, name := range names {
		names[i] = "`" + name + "`"
	}
	for line := range slices.Chunk(names, 12) {
		b.WriteString(strings.Join(line, " ") + "\n")
	}
	b.WriteString("\nFunctions that take a path read nothing outside the configuration's directory.\n")
	return b.String()
}

func writeTable(b *strings.Builder, heading, text string, rows []pool.Row) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| attribute | type | default | effect | example | |\n|---|---|---|---|---|---|\n", heading, text)
	for i := range rows {
		row := &rows[i]
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | `%s` | %s |\n",
			row.Path, row.Type, referenceDefault(row), row.Effect, row.Example, row.Doc+bounds(row))
	}
}

func referenceDefault(row *pool.Row) string {
	switch {
	case row.Required:
		return "required"
	case row.Default == "":
		return "none"
	case row.Default == defaultCores:
		return "the number of cores"
	case row.Default == defaultWorkingDir:
		return row.Default
	}
	return "`" + row.Default + "`"
}

// bounds says in words which values a row accepts.
func bounds(row *pool.Row) string {
	switch {
	case row.Accepts != nil && row.Type == pool.TypeStrings:
		return " Each is one of " + quoted(row.Accepts) + "."
	case row.Accepts != nil:
		return " One of " + quoted(row.Accepts) + "."
	case row.Min == 0 && row.Max == 0:
		return ""
	case row.Type == pool.TypeDuration:
		return fmt.Sprintf(" From %s to %s.", pool.Duration(row.Min), pool.Duration(row.Max))
	case row.Type == pool.TypeSize:
		return fmt.Sprintf(" From %s to %s.", pool.Size(row.Min), pool.Size(row.Max))
	}
	return fmt.Sprintf(" From %d to %d.", row.Min, row.Max)
}
