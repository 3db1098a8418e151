package static

import (
	"os"
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }
