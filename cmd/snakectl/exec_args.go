package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/snakectl/snakectl/client"
	"github.com/snakectl/snakectl/internal/pool"
)

// execTarget is what the words after `snakectl exec` mean.
type execTarget struct {
	// Pool is an address, or empty for the default pool.
	Pool    string
	Command string
	// Args is the word that holds the arguments, or empty.
	Args string
}

// parseExec reads [POOL] COMMAND [ARGS]. Of two words the second is a command
// when it could be one, and arguments otherwise: a JSON text, @FILE and - never
// match the rule for labels.
func parseExec(words []string) (execTarget, error) {
	var target execTarget
	switch {
	case len(words) == 1:
		return execTarget{Command: words[0]}, nil
	case len(words) == 2 && !pool.ValidLabel(words[1]):
		return execTarget{Command: words[0], Args: words[1]}, nil
	case len(words) == 2:
		target = execTarget{Command: words[1]}
	default:
		target = execTarget{Command: words[1], Args: words[2]}
	}
	addr, err := pool.ParseAddress(words[0])
	target.Pool = addr
	return target, err
}

// needsCommand returns a better error for a call whose one word is no command but
// names a pool; otherwise err.
func needsCommand(ctx context.Context, c *client.Client, t execTarget, err error) error {
	call, ok := errors.AsType[*client.Error](err)
	if !ok || t.Pool != "" || call.Category != pool.CategoryUnknownCommand && call.Category != pool.CategoryUnknownPool {
		return err
	}
	commands, problem := c.Commands(ctx, t.Command)
	if problem != nil {
		return err
	}
	names := make([]string, 0, len(commands))
	for _, command := range commands {
		names = append(names, command.Name)
	}
	missing := pool.NewCallError(pool.CategoryUnknownCommand, "%s is a pool: which of its commands?", t.Command)
	missing.Hint = fmt.Sprintf("say snakectl exec %s COMMAND; the commands are %s", t.Command, strings.Join(names, ", "))
	return missing
}

// readArgs returns the arguments that a word stands for: JSON, @FILE or - for
// standard input. No word is no arguments. The result is one JSON object or list.
func readArgs(word string, stdin io.Reader) (json.RawMessage, error) {
	var text []byte
	var err error
	source := "the arguments"
	switch {
	case word == "":
		return nil, nil
	case word == "-":
		source = "the arguments on standard input"
		text, err = io.ReadAll(stdin)
	case strings.HasPrefix(word, "@"):
		source = "the arguments in " + word[1:]
		text, err = os.ReadFile(word[1:])
	default:
		text = []byte(word)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", source, err)
	}
	if err := checkArgs(text); err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", source, err)
	}
	return text, nil
}

const argsForm = `write one object, '{"name":"Ada"}', or one list, '["Ada"]'`

// checkArgs reports why text is not one JSON object or list.
func checkArgs(text []byte) error {
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 {
		return errors.New("they are empty; " + argsForm)
	}
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON at character %d: %w; %s", syntax.Offset, err, argsForm)
	}
	if err != nil {
		return fmt.Errorf("not JSON: %w; %s", err, argsForm)
	}
	if trimmed[0] != '{' && trimmed[0] != '[' {
		return errors.New("they are neither an object nor a list; " + argsForm)
	}
	return nil
}
