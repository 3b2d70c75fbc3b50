package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// value returns the value at a path of a JSON document as text: a string without
// its quotes, anything else as JSON. The segments of a path are separated by
// slashes. A segment is a member's name, an index, len for the length, or in a list
// of objects the address, name or path of one. A document of several lines (events)
// is a list of its lines.
func value(document, path string) (string, error) {
	node, err := parse(document)
	if err != nil {
		return "", err
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		if node, err = step(node, segment); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	if s, ok := node.(string); ok {
		return s, nil
	}
	text, err := json.Marshal(node)
	return string(text), err
}

func parse(document string) (any, error) {
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	var nodes []any
	for d.More() {
		var node any
		if err := d.Decode(&node); err != nil {
			return nil, fmt.Errorf("not JSON: %w\n%s", err, document)
		}
		nodes = append(nodes, node)
	}
	if len(nodes) == 1 {
		return nodes[0], nil
	}
	return nodes, nil
}

func step(node any, segment string) (any, error) {
	switch n := node.(type) {
	case map[string]any:
		if segment == "len" {
			return json.Number(strconv.Itoa(len(n))), nil
		}
		if v, ok := n[segment]; ok {
			return v, nil
		}
		return nil, fmt.Errorf("no member %q", segment)
	case []any:
		return element(n, segment)
	default:
		return nil, fmt.Errorf("%q of a value that has no parts: %v", segment, node)
	}
}

func element(list []any, segment string) (any, error) {
	if segment == "len" {
		return json.Number(strconv.Itoa(len(list))), nil
	}
	if i, err := strconv.Atoi(segment); err == nil {
		if i < 0 {
			i += len(list)
		}
		if i < 0 || i >= len(list) {
			return nil, fmt.Errorf("no element %s in a list of %d", segment, len(list))
		}
		return list[i], nil
	}
	for _, item := range list {
		object, _ := item.(map[string]any)
		for _, key := range []string{"address", "name", "path", "type"} {
			if object[key] == segment {
				return item, nil
			}
		}
	}
	return nil, fmt.Errorf("no element has the address, name, path or type %q", segment)
}

func TestHolds(t *testing.T) {
	const document = `{"revision":3,"pools":[{"address":"pool.api","ready":10,"labels":{}},{"address":"pool.etl[\"eu\"]","ready":0}],"ok":true}`
	tests := []struct {
		path, relation, want string
		holds, fails         bool
	}{
		{path: "revision", relation: "==", want: "3", holds: true},
		{path: "pools/pool.api/ready", relation: ">", want: "9", holds: true},
		{path: "pools/1/ready", relation: "!=", want: "0", holds: false},
		{path: "pools/-1/address", relation: "=~", want: `^pool\.etl`, holds: true},
		{path: "pools/len", relation: "==", want: "2", holds: true},
		{path: "pools/0/labels", relation: "==", want: "{}", holds: true},
		{path: "ok", relation: "==", want: "true", holds: true},
		{path: "pools/2/ready", relation: "==", want: "0", fails: true},
		{path: "pools/pool.x/ready", relation: "==", want: "0", fails: true},
		{path: "revision/x", relation: "==", want: "0", fails: true},
		{path: "revision", relation: "~~", want: "0", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.path+tt.relation+tt.want, func(t *testing.T) {
			got, err := holds(document, tt.path, tt.relation, tt.want)
			if got != tt.holds || (err != nil) != tt.fails {
				t.Errorf("holds = %v, %v, want %v, failure %v", got, err, tt.holds, tt.fails)
			}
		})
	}
}

func TestValueOfEvents(t *testing.T) {
	var events bytes.Buffer
	for _, kind := range []string{"op_accepted", "step_ok", "op_complete"} {
		fmt.Fprintf(&events, "{\"type\":%q}\n", kind)
	}
	if got, err := value(events.String(), "-1/type"); err != nil || got != "op_complete" {
		t.Errorf("value = %q, %v, want op_complete", got, err)
	}
}
