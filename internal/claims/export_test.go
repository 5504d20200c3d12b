package claims

var (
	Decimal      = decimal
	PlainDecimal = plainDecimal
)
