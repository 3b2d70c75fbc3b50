package wire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/snakectl/snakectl/internal/wire"
)

func TestParseAttach(t *testing.T) {
	id := exampleID().String()
	one := func(member string) string { return fmt.Sprintf(`{"calls":[{"stream":3,"id":%q%s}]}`, id, member) }
	got, err := wire.ParseAttach([]byte(one(`,"age_ns":5,"pool":"api","idempotent":true,"deadline_ns":9,"later":1`)))
	want := wire.Attach{Calls: []wire.AttachCall{{Stream: 3, ID: id, AgeNS: 5, Pool: "api", Idempotent: true, DeadlineNS: 9}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseAttach = %v (-want +got):\n%s", err, diff)
	}
	for name, payload := range map[string]string{
		"not JSON":          "x",
		"no calls":          `{}`,
		"too many calls":    `{"calls":[` + strings.Repeat(`{"id":"`+id+`"},`, 1024) + `{"id":"` + id + `"}]}`,
		"no id":             `{"calls":[{"stream":1}]}`,
		"short id":          `{"calls":[{"id":"00"}]}`,
		"negative age":      one(`,"age_ns":-1`),
		"endless age":       one(`,"age_ns":9223372036854775807`),
		"negative deadline": one(`,"deadline_ns":-1`),
	} {
		var violation *wire.ProtocolError
		if _, err := wire.ParseAttach([]byte(payload)); !errors.As(err, &violation) {
			t.Errorf("%s: %v, want a protocol error", name, err)
		}
	}
}

func TestPast(t *testing.T) {
	id := exampleID()
	tests := []struct {
		name string
		told wire.HelloWorker
		want wire.History
	}{
		{"an old worker that is idle", wire.HelloWorker{}, wire.History{}},
		{
			"an old worker with an answer",
			wire.HelloWorker{Call: &wire.HelloCall{ID: id.String(), Done: true}},
			wire.History{Kept: []wire.CallID{id}, Executed: []wire.CallID{id}},
		},
		{
			"a new worker",
			wire.HelloWorker{History: &wire.HelloHistory{Kept: []string{}, Executed: []string{id.String()}, CompleteSinceNS: 7}},
			wire.History{Kept: []wire.CallID{}, Executed: []wire.CallID{id}, CompleteSince: 7, Known: true},
		},
	}
	for _, tt := range tests {
		got, err := tt.told.Past()
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
	bad := wire.HelloWorker{History: &wire.HelloHistory{Executed: []string{"no"}}, Running: []wire.HelloCall{{ID: "no"}}}
	if _, err := bad.Past(); err == nil {
		t.Error("Past takes an id that is none")
	}
	if _, err := bad.Executing(); err == nil {
		t.Error("Executing takes an id that is none")
	}
}
