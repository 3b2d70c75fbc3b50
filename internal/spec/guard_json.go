package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/hcl/v2"
)

// checkJSON scans a JSON file before it is parsed: its syntax, its depth, and
// each string as the template or expression it may be evaluated as. A syntax
// error is reported from here, because the parser that follows would try to
// recover from it, at depths nobody has checked.
func checkJSON(src []byte, name string) *hcl.Diagnostic {
	if d := checkSize(name, int64(len(src))); d != nil {
		return d
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	depth := 0
	for {
		token, err := dec.Token()
		at := offsetRange(src, name, dec.InputOffset())
		switch {
		case errors.Is(err, io.EOF) && depth == 0:
			return nil
		case err != nil:
			return guardError(at, "Invalid JSON", fmt.Sprintf("The file is not valid JSON: %v.", err))
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxNesting {
				return guardError(at, "Nested too deeply", fmt.Sprintf("Objects and lists may be nested %d deep.", maxNesting))
			}
		case string:
			if d := checkJSONString(v, at); d != nil {
				return d
			}
		}
	}
}

func checkJSONString(s string, at hcl.Range) *hcl.Diagnostic {
	for _, check := range []func([]byte, string) *hcl.Diagnostic{checkTemplate, checkExpression} {
		if d := check([]byte(s), at.Filename); d != nil {
			d.Subject = at.Ptr()
			return d
		}
	}
	return nil
}

// offsetRange returns the empty range at a byte offset.
func offsetRange(src []byte, name string, offset int64) hcl.Range {
	before := src[:min(int(offset), len(src))]
	line := bytes.Count(before, []byte{'\n'})
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	pos := hcl.Pos{Line: line + 1, Column: column + 1, Byte: len(before)}
	return hcl.Range{Filename: name, Start: pos, End: pos}
}
