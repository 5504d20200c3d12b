package rig

import (
	"context"
	"slices"
	"sync"

	"github.com/hardtack-go/hardtack/signin"
)

// Mails catches what the application sends. It is safe for concurrent use.
type Mails struct {
	mu   sync.Mutex
	sent []signin.Mail
	down error
}

// Send implements signin.Sender.
func (m *Mails) Send(_ context.Context, mail signin.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return m.down
	}
	m.sent = append(m.sent, mail)
	return nil
}

// Fail makes Send return err. nil ends that.
func (m *Mails) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// Take returns the mails since the last call.
func (m *Mails) Take() []signin.Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	sent := slices.Clone(m.sent)
	m.sent = nil
	return sent
}
