package pool

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes whose text form is the language's: "512MiB", "1GB".
// Zero prints as "0B".
type Size int64

// sizeUnits are the units of a size, each after those that it is a multiple of.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"kB", 1e3},
	{"B", 1},
}

// String returns the canonical text, which ParseSize reads back: in the largest
// unit that leaves a whole number, powers of 1024 first.
func (s Size) String() string {
	for _, unit := range sizeUnits {
		if s != 0 && int64(s)%unit.bytes == 0 {
			return strconv.FormatInt(int64(s)/unit.bytes, 10) + unit.name
		}
	}
	return "0B"
}

// Short returns the size with one decimal, for people: "37.2MiB".
func (s Size) Short() string {
	for _, unit := range sizeUnits[:4] {
		if int64(s) >= unit.bytes {
			return strconv.FormatFloat(float64(s)/float64(unit.bytes), 'f', 1, 64) + unit.name
		}
	}
	return s.String()
}

// ParseSize reads "512MiB", "1.5GB", "100B" or a plain number of bytes.
func ParseSize(text string) (Size, error) {
	bad := fmt.Errorf("%q is not a size such as \"512MiB\", \"1GB\" or a number of bytes", text)
	number, factor := text, int64(1)
	for _, unit := range sizeUnits {
		if head, ok := strings.CutSuffix(text, unit.name); ok {
			number, factor = head, unit.bytes
			break
		}
	}
	if strings.ContainsAny(number, "xXpP_+-eEiInN") { // forms of Go's, not of a size
		return 0, bad
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || value*float64(factor) >= math.MaxInt64 {
		return 0, bad
	}
	if whole, err := strconv.ParseInt(number, 10, 64); err == nil {
		return Size(whole * factor), nil
	}
	return Size(value * float64(factor)), nil
}

// MarshalJSON writes the canonical text.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads the text form.
func (s *Size) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("size: %w", err)
	}
	v, err := ParseSize(text)
	if err != nil {
		return err
	}
	*s = v
	return nil
}

// Share is a part of a pool: a count of workers where it is positive, a percentage
// of the size where it is negative.
type Share int

// String returns "3" or "25%".
func (s Share) String() string {
	if s < 0 {
		return strconv.Itoa(int(-s)) + "%"
	}
	return strconv.Itoa(int(s))
}

// Of returns how many of size workers the share is. A percentage is rounded down, but
// at least one.
func (s Share) Of(size int) int {
	if s < 0 {
		return max(1, size*int(-s)/100)
	}
	return int(s)
}

// ParseShare reads "25%", from 1 to 100, or a count.
func ParseShare(text string) (Share, error) {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil || percent && (n == 0 || n > 100) {
		return 0, fmt.Errorf("%q is neither a count of workers nor a percentage such as \"25%%\"", text)
	}
	if percent {
		return -Share(n), nil
	}
	return Share(n), nil
}

// MarshalJSON writes a count as a number and a percentage as its text.
func (s Share) MarshalJSON() ([]byte, error) {
	if s < 0 {
		return json.Marshal(s.String())
	}
	return json.Marshal(int(s))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Share) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*int)(s))
	}
	var err error
	*s, err = ParseShare(text)
	return err
}
