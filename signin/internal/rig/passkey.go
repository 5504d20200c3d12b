package rig

// PasskeyFields are what package passkey stores about a user.
type PasskeyFields struct {
}

func (f PasskeyFields) clone() PasskeyFields { return f }
