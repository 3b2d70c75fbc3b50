package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits of what is handed to the HCL parser, which recurses without a bound of
// its own: deep nesting and long chains overflow the stack of the process, which
// nothing can recover from.
const (
	maxFileBytes  = 1 << 20
	maxNesting    = 200
	maxUnary      = 64
	maxExprTokens = 50_000
)

// checkSize refuses a file that is too large to be a configuration.
func checkSize(name string, size int64) *hcl.Diagnostic {
	if size <= maxFileBytes {
		return nil
	}
	start := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	return guardError(start, "File too large",
		fmt.Sprintf("A file of a configuration may hold at most 1 MiB; this one holds %d bytes. Split it into several files.", size))
}

func guardError(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at.Ptr()}
}

// checkNative scans the tokens of a native syntax file before it is parsed.
func checkNative(src []byte, name string) *hcl.Diagnostic {
	if d := checkSize(name, int64(len(src))); d != nil {
		return d
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	return (&tokenGuard{}).scan(tokens)
}

// checkExpression scans the tokens of a single expression.
func checkExpression(src []byte, name string) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexExpression(src, name, hcl.InitialPos)
	return (&tokenGuard{inExpr: 1}).scan(tokens)
}

// checkTemplate scans the tokens of a template without its quotes.
func checkTemplate(src []byte, name string) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexTemplate(src, name, hcl.InitialPos)
	return (&tokenGuard{inExpr: 1}).scan(tokens)
}

// tokenGuard follows the nesting of a token stream. Where the stream is not
// valid HCL it may count more than the parser would see, never less.
type tokenGuard struct {
	open []bracket
	// inExpr counts the open brackets that belong to an expression, not a block.
	inExpr int
	// assigned is true between an attribute's equals sign and the end of its line.
	assigned bool
	// tokens counts those of the expression at hand, unary the run of operators.
	tokens, unary int
}

type bracket struct {
	closer hclsyntax.TokenType
	block  bool
}

var closers = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenOBrace:          hclsyntax.TokenCBrace,
	hclsyntax.TokenOBrack:          hclsyntax.TokenCBrack,
	hclsyntax.TokenOParen:          hclsyntax.TokenCParen,
	hclsyntax.TokenOQuote:          hclsyntax.TokenCQuote,
	hclsyntax.TokenOHeredoc:        hclsyntax.TokenCHeredoc,
	hclsyntax.TokenTemplateInterp:  hclsyntax.TokenTemplateSeqEnd,
	hclsyntax.TokenTemplateControl: hclsyntax.TokenTemplateSeqEnd,
}

func (g *tokenGuard) scan(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	for _, t := range tokens {
		g.take(t)
		switch {
		case len(g.open) > maxNesting:
			return guardError(t.Range, "Nested too deeply",
				fmt.Sprintf("Brackets, blocks and templates may be nested %d deep.", maxNesting))
		case g.unary > maxUnary:
			return guardError(t.Range, "Too many operators in a row",
				fmt.Sprintf("At most %d minus or not operators may follow each other.", maxUnary))
		case g.tokens > maxExprTokens:
			return guardError(t.Range, "Expression too long",
				fmt.Sprintf("One expression may have at most %d tokens. Split it with locals, or read the data with file() and jsondecode().", maxExprTokens))
		}
	}
	return nil
}

func (g *tokenGuard) take(t hclsyntax.Token) {
	g.tokens++
	switch t.Type {
	case hclsyntax.TokenMinus, hclsyntax.TokenBang:
		g.unary++
		return
	case hclsyntax.TokenNewline:
		g.endLine()
		return
	case hclsyntax.TokenComment: // holds the newline that ends it
		if n := len(t.Bytes); n > 0 && t.Bytes[n-1] == '\n' {
			g.endLine()
		}
		return
	case hclsyntax.TokenEqual:
		g.assigned = true
	}
	g.unary = 0
	if closer, opens := closers[t.Type]; opens {
		g.push(closer, t.Type == hclsyntax.TokenOBrace && g.inExpr == 0 && !g.assigned)
		return
	}
	if n := len(g.open); n > 0 && g.open[n-1].closer == t.Type {
		g.pop(g.open[n-1])
	}
}

// endLine ends an attribute, unless a bracket of its expression is open.
func (g *tokenGuard) endLine() {
	if g.inExpr == 0 {
		g.tokens, g.unary, g.assigned = 0, 0, false
	}
}

func (g *tokenGuard) push(closer hclsyntax.TokenType, block bool) {
	g.open = append(g.open, bracket{closer, block})
	if !block {
		g.inExpr++
	}
}

func (g *tokenGuard) pop(b bracket) {
	g.open = g.open[:len(g.open)-1]
	if !b.block {
		g.inExpr--
		return
	}
	g.endLine()
}
