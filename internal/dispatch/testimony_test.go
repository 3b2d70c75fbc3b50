package dispatch

import "testing"

func TestJudge(t *testing.T) {
	const began, forgotten = 100, 50
	for name, c := range map[string]struct {
		silent           int
		executed         bool
		earliest, latest int64
		want             Fate
	}{
		"all have told, and nobody of this one":   {0, false, 60, 90, FateUnstarted},
		"a worker executed it":                    {0, true, 60, 90, FateExecuted},
		"a worker executed it, others are silent": {1, true, 60, 90, FateExecuted},
		"a worker has still to tell":              {1, false, 60, 90, FateUnknown},
		"it may have been sent to this one":       {0, false, 60, 100, FateUnknown},
		"a worker may have forgotten it":          {0, false, 50, 90, FateUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			known := Testimony{Began: began, Silent: c.silent, Incomplete: forgotten}
			if got := known.Judge(c.executed, c.earliest, c.latest); got != c.want {
				t.Errorf("Judge = %d, want %d", got, c.want)
			}
		})
	}
}
