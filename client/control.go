package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/snakectl/snakectl/internal/pool"
)

// maxErrorBody is the longest error answer that is read.
const maxErrorBody = 1 << 20

// open makes one request of the control plane. The body of the response, whose
// status is below 400, is the caller's to close. What is refused is an *Error.
func (c *Client) open(ctx context.Context, method, path string, query url.Values, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("cannot encode the request %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	target := "http://supervisor" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.web.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok { // it names a host that does not exist
			err = wrapped.Err
		}
		return nil, fmt.Errorf("cannot ask the supervisor on %s: %w", c.socket, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// refusal reads the error of a response.
func refusal(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return fmt.Errorf("cannot read the supervisor's answer %s: %w", resp.Status, err)
	}
	var answer struct{ Error *Error }
	if json.Unmarshal(b, &answer) != nil || answer.Error == nil {
		return refuse(pool.CategoryInternal, "the supervisor answered %s: %.200s", resp.Status, bytes.TrimSpace(b))
	}
	return answer.Error
}

// ask makes a request and stores the JSON it is answered with in out, if out is
// not nil.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, in, out any) error {
	resp, err := c.open(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	if err != nil {
		return fmt.Errorf("cannot read the supervisor's answer to %s: %w", path, err)
	}
	return nil
}

// poolPath returns the path of something of a pool; an empty name is "-", the
// default pool or all of them.
func poolPath(name, rest string) string {
	if name == "" {
		name = "-"
	}
	return "/v1/pools/" + url.PathEscape(name) + rest
}

// errCut says that a stream of events ended before the operation did.
var errCut = errors.New("the connection to the supervisor broke; the operation goes on, see `snakectl status`")

// follow reads the events of an operation, calls each for every one if it is not
// nil, and returns how the operation ended.
func follow(body io.Reader, each func(Event)) (*Outcome, error) {
	lines := json.NewDecoder(body)
	for {
		var line json.RawMessage
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil, errCut
		} else if err != nil {
			return nil, fmt.Errorf("%w (%w)", errCut, err)
		}
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("cannot read an event of the supervisor: %w", err)
		}
		if each != nil {
			each(event)
		}
		if event.Type != pool.EventOpComplete {
			continue
		}
		var end struct {
			Data struct{ Outcome *Outcome }
		}
		if err := json.Unmarshal(line, &end); err != nil || end.Data.Outcome == nil {
			return nil, fmt.Errorf("the supervisor's last event has no outcome: %.200s", line)
		}
		return end.Data.Outcome, nil
	}
}
