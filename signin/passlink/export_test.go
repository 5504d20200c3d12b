package passlink

// Exported for the tests of this package only.
var NewCode = newCode
