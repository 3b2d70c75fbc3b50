package spec

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Range is a place in a file of the configuration. Lines and columns count from 1.
type Range struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
	// Block is the outermost block around it: pool "api".
	Block string `json:"block,omitempty"`
}

func rangeOf(r hcl.Range, block string) Range {
	return Range{
		File: r.Filename, Line: r.Start.Line, Column: r.Start.Column,
		EndLine: r.End.Line, EndColumn: r.End.Column, Block: block,
	}
}

// sources keeps the text of the files that were read, for snippets.
type sources struct {
	files map[string]*hcl.File
}

// maxSnippet bounds the characters of a source line that are shown.
const maxSnippet = 160

// line returns one line of a file without its newline, cut when it is long.
func (s *sources) line(name string, number int) string {
	file := s.files[name]
	if file == nil || number < 1 {
		return ""
	}
	rest := file.Bytes
	for range number - 1 {
		_, after, found := bytes.Cut(rest, []byte{'\n'})
		if !found {
			return ""
		}
		rest = after
	}
	text, _, _ := bytes.Cut(rest, []byte{'\n'})
	runes := []rune(string(bytes.TrimRight(text[:min(len(text), 4*maxSnippet)], "\r")))
	if len(runes) > maxSnippet {
		return string(runes[:maxSnippet]) + "…"
	}
	return string(runes)
}

// blockAt returns the outermost block around a place of a native syntax file.
func (s *sources) blockAt(at hcl.Range) *hclsyntax.Block {
	file := s.files[at.Filename]
	if file == nil {
		return nil
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	for _, b := range body.Blocks {
		if b.Range().Filename == at.Filename && b.TypeRange.Start.Byte <= at.Start.Byte && at.Start.Byte <= b.CloseBraceRange.End.Byte {
			return b
		}
	}
	return nil
}

func blockTitle(b *hclsyntax.Block) string { return title(b.Type, b.Labels) }

// title returns a block's header for people: pool "api".
func title(kind string, labels []string) string {
	words := []string{kind}
	for _, l := range labels {
		words = append(words, strconv.Quote(l))
	}
	return strings.Join(words, " ")
}
