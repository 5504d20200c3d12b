package claims_test

import (
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/claims"
)

// Spellings that mean what a right one means, or nothing, and are refused.
func TestParse_RefusesOtherEnvelopes(t *testing.T) {
	data := `,"d":{"a":1,"cart":[{"id":7}]}`
	for name, text := range map[string]string{
		"data under another name":  strings.Replace(full, `,"d":`, `,"e":`, 1),
		"data in a capital":        strings.Replace(full, `,"d":`, `,"D":`, 1),
		"no comma before the data": strings.Replace(full, `,"d":`, ` "d":`, 1),
		"no colon before the data": strings.Replace(full, `,"d":`, `,"d" `, 1),
		"data with a space":        strings.Replace(full, `,"d":`, `, d":`, 1),
		// In memory an empty id is no id, so this would be a second spelling of an
		// anonymous session.
		"empty user id":           strings.TrimSuffix(anonymous, "}") + `,"sub":""}`,
		"empty user id with data": strings.TrimSuffix(anonymous, "}") + `,"sub":""` + data + "}",
	} {
		var c claims.Claims
		if text == full || c.Parse([]byte(text)) {
			t.Errorf("%s: accepted %s", name, text)
		}
	}
	var c claims.Claims
	if right := strings.TrimSuffix(anonymous, "}") + data + "}"; !c.Parse([]byte(right)) {
		t.Errorf("refused %s", right)
	}
}
