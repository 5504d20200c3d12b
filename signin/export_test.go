package signin

import "net/http"

// NewSmallMemory is NewMemory with room for few counts.
func NewSmallMemory(address func(*http.Request) string, most int) Throttle {
	return newMemory(address, most)
}

// Counts returns how many counts a memory throttle holds.
func Counts(t Throttle) int {
	m := t.(*memory)
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.counts)
}

// PlainStyle is the style sheet of the plain page.
const PlainStyle = plainStyle
