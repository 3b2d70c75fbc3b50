package supervisor

import (
	"testing"
	"time"
)

func TestShownDeadline(t *testing.T) {
	for d, want := range map[time.Duration]string{
		499_300 * time.Microsecond:   "500ms",
		19_600 * time.Microsecond:    "20ms",
		4_999_400 * time.Microsecond: "5s",
	} {
		if got := shownDeadline(d).String(); got != want {
			t.Errorf("shownDeadline(%s) = %s, want %s", d, got, want)
		}
	}
}
