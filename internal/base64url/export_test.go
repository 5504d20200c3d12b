package base64url

// Places are the tables of Decode.
func Places() [4][256]uint32 { return [4][256]uint32{place0, place1, place2, place3} }

const Bad = bad
