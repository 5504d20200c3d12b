package jwe

// The inner functions, for the tests that compare them with their twins.
var (
	Decode = decode
	Encode = encode
)

// Places are the tables of decode.
func Places() [4][256]uint32 { return [4][256]uint32{place0, place1, place2, place3} }

const Bad = bad
