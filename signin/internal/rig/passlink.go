package rig

// PasslinkFields are what package passlink stores about a user.
type PasslinkFields struct {
	Logins int // by link: a link is bound to it
}

func (f PasslinkFields) clone() PasslinkFields { return f }
