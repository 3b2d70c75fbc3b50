package docs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// block is one fenced block of a page.
type block struct {
	language string
	file     string
	exit     int
	skipped  bool
	// packages: the commands install packages from an index.
	packages bool
	line     int
	lines    []string
}

// command is one command of a console block and what it should print.
type command struct {
	text string
	want []string
	exit int
	line int
}

// blocks returns the fenced blocks of a page.
func blocks(page string) ([]block, error) {
	var found []block
	var open *block
	for i, line := range strings.Split(page, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && line == "```":
			found, open = append(found, *open), nil
		case open != nil:
			open.lines = append(open.lines, line)
		case isFence:
			b, err := heading(fence)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			b.line = i + 1
			open = &b
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block does not end", open.line)
	}
	return found, nil
}

// heading reads what follows the three backticks.
func heading(text string) (block, error) {
	var b block
	for i, word := range strings.Fields(text) {
		name, arg, _ := strings.Cut(word, "=")
		switch {
		case i == 0:
			b.language = word
		case name == "file":
			b.file = arg
		case name == "exit":
			code, err := strconv.Atoi(arg)
			if err != nil {
				return b, fmt.Errorf("exit code %q is not a number", arg)
			}
			b.exit = code
		case word == "norun":
			b.skipped = true
		case word == "packages":
			b.packages = true
		default:
			return b, fmt.Errorf("unknown word %q after the language %q", word, b.language)
		}
	}
	return b, nil
}

// commands returns the commands of a console block.
func (b block) commands() ([]command, error) {
	var list []command
	for i, line := range b.lines {
		at := b.line + 1 + i
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			list = append(list, command{text: text, line: at})
			continue
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("line %d: output before the first command", at)
		}
		last := &list[len(list)-1]
		if text, ok := strings.CutPrefix(line+" ", "> "); ok && len(last.want) == 0 {
			last.text += "\n" + strings.TrimSuffix(text, " ")
			continue
		}
		last.want = append(last.want, line)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("line %d: a console block without a command", b.line)
	}
	list[len(list)-1].exit = b.exit
	return list, nil
}

// matches reports whether the output is what the page says, and where it first
// differs.
func matches(want []string, output string) (string, bool) {
	want, got := trimmed(want), trimmed(strings.Split(output, "\n"))
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for _, line := range want {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`))
		pattern.WriteString(`\n`)
	}
	pattern.WriteString(`\z`)
	text := strings.Join(got, "\n")
	if len(got) > 0 {
		text += "\n"
	}
	if regexp.MustCompile(pattern.String()).MatchString(text) {
		return "", true
	}
	return cmp.Diff(want, got), false
}

// trimmed drops spaces at the ends of lines and empty lines at the end.
func trimmed(lines []string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.TrimRight(line, " \t\r"))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

func TestMatches(t *testing.T) {
	tests := []struct {
		name, want, got string
		ok              bool
	}{
		{"nothing", "", "", true},
		{"nothing wanted", "", "text\n", false},
		{"nothing got", "text", "", false},
		{"equal", "a\nb", "a\nb\n", true},
		{"spaces at the end", "a", "a  \n\n", true},
		{"one more line", "a", "a\nb\n", false},
		{"any lines", "a\n...\nd", "a\nb\nc\nd\n", true},
		{"any lines may be none", "a\n...\nd", "a\nd\n", true},
		{"any text", "pid ... started", "pid 42 started\n", true},
		{"any text stays in its line", "pid ... started", "pid 42\nnow started\n", false},
		{"a pattern's letters are letters", "a+ (b)", "a+ (b)\n", true},
		{"a dot is a dot", "1.2", "1x2\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = strings.Split(tt.want, "\n")
			}
			if diff, ok := matches(want, tt.got); ok != tt.ok {
				t.Errorf("matches = %v, want %v (-want +got):\n%s", ok, tt.ok, diff)
			}
		})
	}
}

func TestBlocks(t *testing.T) {
	page := "# Page\n```console exit=2\n$ cat <<X\n> hello\n> X\nhello\n$ false\n```\n```hcl file=a.hcl\nx = 1\n```\n"
	found, err := blocks(page)
	if err != nil || len(found) != 2 {
		t.Fatalf("blocks = %v, %v, want two", found, err)
	}
	got, err := found[0].commands()
	if err != nil {
		t.Fatal(err)
	}
	want := []command{{text: "cat <<X\nhello\nX", want: []string{"hello"}, line: 3}, {text: "false", exit: 2, line: 7}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(command{})); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if found[1].file != "a.hcl" || len(found[1].lines) != 1 {
		t.Errorf("second block = %+v, want the file a.hcl", found[1])
	}
}

func TestBadBlocksAreNoticed(t *testing.T) {
	for _, page := range []string{"```console\n$ true\n", "```console skip\n```", "```console exit=x\n```"} {
		if found, err := blocks(page); err == nil {
			t.Errorf("blocks(%q) = %v, want an error", page, found)
		}
	}
	for _, page := range []string{"```console\ntext\n```", "```console\n```"} {
		found, err := blocks(page)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := found[0].commands(); err == nil {
			t.Errorf("commands of %q = %v, want an error", page, list)
		}
	}
}
