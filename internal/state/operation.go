package state

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/snakectl/snakectl/internal/pool"
)

// OperationStatus says whether an operation has ended.
type OperationStatus string

// The states of an operation.
const (
	OperationRunning OperationStatus = "running"
	OperationDone    OperationStatus = "done"
)

// StepStatus says how far a step came.
type StepStatus string

// The states of a step.
const (
	StepPending StepStatus = "pending"
	StepRunning StepStatus = "running"
	StepDone    StepStatus = "done"
	StepFailed  StepStatus = "failed"
)

// Step is what an operation does to one address.
type Step struct {
	Address string `json:"address"`
	// Action is a planner's word, such as roll; the store does not interpret it.
	Action string     `json:"action"`
	Status StepStatus `json:"status"`
	// Phase is where the rollout of the pool was last, and Reason why.
	Phase  pool.RolloutPhase `json:"phase,omitempty"`
	Reason string            `json:"reason,omitempty"`
}

// Operation is the journal of one apply. It has at most one step for an address.
type Operation struct {
	ID string `json:"id"`
	// Revision is what it works toward, 0 when it made none.
	Revision uint64          `json:"revision"`
	By       string          `json:"by"`
	At       time.Time       `json:"at"`
	Steps    []Step          `json:"steps"`
	Status   OperationStatus `json:"status"`
	// Outcome says how a done operation ended.
	Outcome *pool.Outcome `json:"outcome,omitempty"`
}

// PutOperation writes an operation that comes with no revision of its own, such
// as a repair, or replaces a journal as a whole.
func (s *Store) PutOperation(op Operation) error {
	return s.update("write operation "+op.ID, func(tx *bbolt.Tx) error {
		return put(tx, bucketOps, op.ID, op)
	})
}

// UpdateStep records how far the step for addr came. An error that wraps
// ErrNotFound says that there is no such operation or step.
func (s *Store) UpdateStep(op, addr string, status StepStatus) error {
	return s.updateStep(op, addr, func(step *Step) { step.Status = status })
}

func (s *Store) updateStep(op, addr string, change func(*Step)) error {
	return s.update(fmt.Sprintf("record the step %s of operation %s", addr, op), func(tx *bbolt.Tx) error {
		var o Operation
		if err := need(tx, bucketOps, op, &o); err != nil {
			return err
		}
		i := slices.IndexFunc(o.Steps, func(s Step) bool { return s.Address == addr })
		if i < 0 {
			return ErrNotFound
		}
		change(&o.Steps[i])
		return put(tx, bucketOps, op, o)
	})
}

// FinishOperation ends an operation that has no revision to finish with it.
func (s *Store) FinishOperation(op string, outcome pool.Outcome) error {
	return s.update("finish operation "+op, func(tx *bbolt.Tx) error {
		return finishOperation(tx, op, outcome)
	})
}

// GetOperation returns one operation, or an error that wraps ErrNotFound.
func (s *Store) GetOperation(id string) (Operation, error) {
	var op Operation
	err := s.view("read operation "+id, func(tx *bbolt.Tx) error {
		return need(tx, bucketOps, id, &op)
	})
	return op, err
}

// PendingOperations returns the operations that have not ended, oldest first:
// what a supervisor resumes when it starts.
func (s *Store) PendingOperations() ([]Operation, error) {
	var out []Operation
	err := s.view("read the operations", func(tx *bbolt.Tx) (err error) {
		out, err = list[Operation](tx, bucketOps)
		return err
	})
	out = slices.DeleteFunc(out, func(op Operation) bool { return op.Status != OperationRunning })
	slices.SortStableFunc(out, func(a, b Operation) int { return a.At.Compare(b.At) })
	return out, err
}

func finishOperation(tx *bbolt.Tx, id string, outcome pool.Outcome) error {
	var op Operation
	if err := need(tx, bucketOps, id, &op); err != nil {
		return err
	}
	op.Status, op.Outcome = OperationDone, &outcome
	return put(tx, bucketOps, id, op)
}
