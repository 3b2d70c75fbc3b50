package glob_test

import (
	"strings"
	"testing"

	"github.com/snakectl/snakectl/internal/code/glob"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"a.py", "a.py", true},
		{"*.py", "a.py", true},
		{"*.py", "lib/a.py", false},
		{"**", "lib/deep/a.py", true},
		{"**/*.py", "a.py", true},
		{"**/*.py", "lib/deep/a.py", true},
		{"lib/**", "lib/a.py", true},
		{"lib/**", "lib", true},
		{"lib/**/a.py", "lib/a.py", true},
		{"lib/**/a.py", "lib/x/y/a.py", true},
		{"lib/**/a.py", "lib/x/y/b.py", false},
		{"**/x/**/a.py", "x/b/x/a.py", true},
		{"lib/[ab].py", "lib/b.py", true},
		{"lib/?.py", "lib/ab.py", false},
		{"[", "[", false},
	}
	for _, tt := range tests {
		if got := glob.Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// A pattern of many ** against a long path that it does not match must not take
// exponential time: the test would not end.
func TestMatchManyStars(t *testing.T) {
	pattern := strings.Repeat("**/a/", 50) + "b"
	name := strings.Repeat("a/", 500) + "c"
	if glob.Match(pattern, name) {
		t.Errorf("Match(%q, …) = true, want false", pattern)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct{ pattern, want string }{
		{"lib/**/*.py", ""},
		{"a.py", ""},
		{"", "relative pattern"},
		{"/etc/*", "relative pattern"},
		{"../*.py", "leaves"},
		{"lib/../../x", "leaves"},
		{"./a.py", "empty segment"},
		{"lib//a.py", "empty segment"},
		{"**.py", "mixes **"},
		{"lib/[a", "bracket"},
	}
	for _, tt := range tests {
		err := glob.Check(tt.pattern)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("Check(%q) = %v, want no error", tt.pattern, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("Check(%q) = %v, want an error with %q", tt.pattern, err, tt.want)
		}
	}
}
