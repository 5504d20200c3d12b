package rig

// OAuthFields are what package oauth stores about a user.
type OAuthFields struct {
}

func (f OAuthFields) clone() OAuthFields { return f }
