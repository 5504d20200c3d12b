package claims

var (
	Decimal   = decimal
	TenDigits = tenDigits
)

// Head and Usual read the start of b. They return what they found, where they
// stopped, and whether it was right.
func Head(b []byte) (c Claims, i int, ok bool) {
	r := reader{b: b}
	ok = c.head(&r)
	return c, r.i, ok
}

func Usual(b []byte) (c Claims, i int, ok bool) {
	r := reader{b: b}
	ok = c.usual(&r)
	return c, r.i, ok
}
