package enginetest_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
)

func TestY41_Memory(t *testing.T) {
	enginetest.Run(t, func(*testing.T) enginetest.Storage {
		var m enginetest.Memory
		return enginetest.Storage{
			Open: func(*testing.T) fleet.Engine { return m.Open() },
			Crash: func(*testing.T) {
				m.Down(true)
				m.Down(false)
			},
			Lose: func(*testing.T) { m.Lose() },
		}
	})
}
