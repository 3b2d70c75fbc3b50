package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/snakectl/snakectl/internal/planner"
	"github.com/snakectl/snakectl/internal/pool"
)

// describeEvent returns what an event says about its address, or nothing; action
// is what happens to the address, "" when unknown. Passing texts are for a line
// that is redrawn; on paper they would be noise.
func describeEvent(ev pool.Event, action planner.Action, live bool) (text string, passing bool) {
	switch ev.Type {
	case pool.EventPreflightStart:
		return "preflight", true
	case pool.EventPreflightOK:
		return "preflight ok in " + seconds(number(ev.Data, "ms")), false
	case pool.EventPreflightFailed:
		return "preflight failed", false
	case pool.EventRuntimeBuilding:
		return buildProgress(ev), true
	case pool.EventRuntimeReady:
		return buildResult(ev), false
	case pool.EventRuntimeFailed:
		return "cannot be built", false
	case pool.EventStepStart:
		return or(doing[planner.Action(ev.Msg)], or(ev.Msg, "started")), true
	case pool.EventStepProgress:
		return stepProgress(ev, action, live), false
	case pool.EventStepOK:
		return or(pastTense[planner.Action(ev.Msg)], or(ev.Msg, "done")) + " in " + seconds(number(ev.Data, "ms")), false
	case pool.EventStepFailed:
		reason := or(textOf(ev.Data, "reason"), ev.Msg)
		if reason == pool.ReasonStopped {
			return "", true // how far it came stays; the outcome says the rest
		}
		return "failed: " + reason, false
	case pool.EventRolloutPaused:
		return "paused: " + ev.Msg, false
	case pool.EventRolloutResumed:
		return "goes on, " + ev.Msg, false
	case pool.EventCanaryWaiting:
		return "canaries healthy; next: snakectl rollout promote " + ev.Addr, false
	case pool.EventCanaryPromoted:
		return "canaries promoted, " + ev.Msg, false
	case pool.EventRolloutFailure:
		return ev.Msg, false
	case pool.EventRolloutReverting:
		return "reverting: " + ev.Msg, false
	case pool.EventRolloutReverted:
		return "reverted", false
	case pool.EventDiagnostic:
		return ev.Msg, false
	}
	return "", true
}

// actionRecycle is what happens to a pool whose workers are recycled by hand; no plan
// has it.
const actionRecycle planner.Action = "recycle"

// doing says what happens to an address, pastTense what became of it.
var (
	doing = map[planner.Action]string{
		planner.ActionCreate: "starting", planner.ActionUpdate: "updating", planner.ActionMove: "moving", planner.ActionResize: "resizing",
		planner.ActionRepair: "repairing", planner.ActionRoll: "rolling", planner.ActionRecreate: "recreating",
		planner.ActionDestroy: "draining",
	}
	pastTense = map[planner.Action]string{
		planner.ActionCreate: "created", planner.ActionUpdate: "updated", planner.ActionMove: "moved", planner.ActionResize: "resized",
		planner.ActionRepair: "repaired", planner.ActionRoll: "rolled", planner.ActionRecreate: "recreated",
		planner.ActionDestroy: "destroyed",
	}
)

// counted names what the workers are that progress counts, where it isn't the ready ones.
var counted = map[planner.Action]string{planner.ActionRoll: "new", planner.ActionRecreate: "new", actionRecycle: "done"}

// stepProgress says how many of the workers are there: "[#####---] 5/8 ready". On
// paper it waits for the first one. While a roll replaces workers all of them may be
// ready, so it counts the new ones, and while they are recycled the places that are
// done; of a pool that goes it counts none.
func stepProgress(ev pool.Event, action planner.Action, live bool) string {
	done, total := number(ev.Data, "done"), number(ev.Data, "total")
	if total == 0 || done == 0 && !live || action == planner.ActionDestroy {
		return ""
	}
	text := fmt.Sprintf("%d/%d %s", done, total, or(ev.Msg, or(counted[action], "ready")))
	if failed := number(ev.Data, "failed"); failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if live {
		text = bar(done, total) + " " + text
	}
	return text
}

// bar draws a part of a whole, eight characters wide.
func bar(done, total int64) string {
	const width = 8
	full := int(min(max(done, 0), total) * width / total)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// seconds prints milliseconds as seconds, with as many digits as mean something.
func seconds(ms int64) string {
	if ms < 10_000 {
		return fmt.Sprintf("%.2fs", float64(ms)/1000)
	}
	return fmt.Sprintf("%.1fs", float64(ms)/1000)
}

// number reads a number of an event's data; after a trip through JSON it is a float.
func number(data map[string]any, key string) int64 {
	switch v := data[key].(type) {
	case float64:
		return int64(v)
	case int64:
		return v
	case int:
		return int64(v)
	}
	return 0
}

func textOf(data map[string]any, key string) string {
	text, _ := data[key].(string)
	return text
}

// callErrorOf reads the call error of a failure's data, nil when it has none.
func callErrorOf(data map[string]any) *pool.CallError {
	var e *pool.CallError
	text, err := json.Marshal(data["error"]) // null when there is none
	if err == nil && json.Unmarshal(text, &e) == nil {
		return e
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
