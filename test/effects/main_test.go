package effects

import (
	"os"
	"testing"

	"github.com/snakectl/snakectl/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
