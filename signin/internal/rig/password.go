package rig

// PasswordFields are what package password stores about a user.
type PasswordFields struct {
	Hash string // of the password, or ""
}

func (f PasswordFields) clone() PasswordFields { return f }
