package base64url

// Places are the tables of Decode.
func Places() [4][256]uint32 { return [4][256]uint32{place0, place1, place2, place3} }

const Bad = bad

// Vector says whether there is vector code; PortableDecode is Decode without it.
func Vector() bool { return vector }

func PortableDecode(dst []byte, src string) bool { return decode(dst, src, false) }

// PortableEncode is Encode without the vector code.
func PortableEncode(dst, src []byte) { encode(dst, src, false) }
