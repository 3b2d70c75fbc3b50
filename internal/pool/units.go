package pool

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time whose text form is the language's: "1h30m",
// "250ms", "2d". Zero prints as "0s".
type Duration time.Duration

// D returns the value as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String returns the canonical text, which ParseDuration reads back.
func (d Duration) String() string {
	v := time.Duration(d)
	if v == 0 {
		return "0s"
	}
	days := v / (24 * time.Hour)
	rest := v % (24 * time.Hour)
	text := ""
	if days != 0 {
		text = strconv.FormatInt(int64(days), 10) + "d"
		if rest == 0 {
			return text
		}
	}
	s := rest.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return text + s
}

// MarshalJSON writes the canonical text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads the text form.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	v, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// ParseDuration reads "1h30m", "250ms" or "2d12h": Go's units and d for 24
// hours, which must come first. Negative values are refused.
func ParseDuration(s string) (Duration, error) {
	bad := fmt.Errorf("%q is not a duration such as \"250ms\", \"30s\" or \"1h30m\"", s)
	text := s
	var total time.Duration
	if head, tail, found := strings.Cut(text, "d"); found {
		days, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, bad
		}
		total = time.Duration(days) * 24 * time.Hour
		if text = tail; text == "" {
			return Duration(total), nil
		}
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return 0, bad
	}
	return Duration(total + v), nil
}
