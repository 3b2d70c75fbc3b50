package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/snakectl/snakectl/internal/spec"
)

// renderVariables returns a table of variables and an empty line; nothing for none.
func renderVariables(variables []spec.Variable) string {
	if len(variables) == 0 {
		return ""
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VARIABLE\tTYPE\tVALUE\tFROM")
	for _, v := range variables {
		value := printable(string(v.Value))
		if v.Sensitive {
			value = "(sensitive)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.Name, cmp.Or(v.Type, "any"), value, v.From)
	}
	_ = table.Flush() // a strings.Builder takes everything
	return b.String() + "\n"
}
