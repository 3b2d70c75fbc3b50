package spec

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/snakectl/snakectl/internal/pool"
)

func numberValue(row *pool.Row, val cty.Value) (any, error) {
	must := fmt.Sprintf("must be a number from %d to %d", row.Min, row.Max)
	number, err := convertTo(val, cty.Number, must)
	if err != nil {
		return nil, err
	}
	n, _ := number.AsBigFloat().Float64()
	if n < float64(row.Min) || n > float64(row.Max) {
		return nil, fmt.Errorf("%s, not %s", must, describe(val))
	}
	return n, nil
}

// shareValue reads a count of workers or a percentage of a pool.
func shareValue(row *pool.Row, val cty.Value) (any, error) {
	must := fmt.Sprintf("must be a count of workers from %d or a percentage from \"1%%\" to \"100%%\"", row.Min)
	text, err := convertTo(val, cty.String, must)
	if err != nil {
		return nil, err
	}
	share, err := pool.ParseShare(text.AsString())
	if err != nil || share >= 0 && !inBounds(row, int64(share)) {
		return nil, fmt.Errorf("%s, not %s", must, describe(val))
	}
	return share, nil
}

// sizeValue reads "512MiB", or a number of bytes.
func sizeValue(row *pool.Row, val cty.Value) (any, error) {
	const must = "must be a size such as \"512MiB\", \"1GB\" or a number of bytes"
	text, err := convertTo(val, cty.String, must)
	if err != nil {
		return nil, err
	}
	size, err := pool.ParseSize(text.AsString())
	if err != nil {
		return nil, fmt.Errorf("%s, not %s", must, describe(val))
	}
	if !inBounds(row, int64(size)) {
		return nil, fmt.Errorf("must be a size from %s to %s, not %s", pool.Size(row.Min), pool.Size(row.Max), size)
	}
	return size, nil
}
