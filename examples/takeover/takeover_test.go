package takeover

import (
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestH20_H21_SessionsOfTheLibraries: what the libraries made logs the same user in here,
// with a value of the session, in one cookie or in parts.
func TestH20_H21_SessionsOfTheLibraries(t *testing.T) {
	each(t, func(t *testing.T, sys system) {
		x := newSite(t, sys, nil, secret)
		var tasks []task
		for _, version := range sys.versions {
			tasks = append(tasks, task{System: sys.name, Version: version, Secrets: []string{secret}, User: "ann", Size: 10})
			if strings.Contains(sys.split, version) {
				tasks = append(tasks, task{System: sys.name, Version: version, Secrets: []string{secret}, User: "ann", Size: 6000, Chunk: true})
			}
		}
		for i, cookies := range mint(t, tasks...) {
			what := tasks[i].Version
			if parts := len(cookies); tasks[i].Size > 10 {
				what += ", split"
				if parts < 3 {
					t.Errorf("%s: %d cookies", what, parts)
				}
			}
			x.moved(what, cookies)
		}
	})
}

// TestH22_RotatedSecrets: sessions under a former secret are taken over, wherever the
// secret stands in the list.
func TestH22_RotatedSecrets(t *testing.T) {
	each(t, func(t *testing.T, sys system) {
		tasks := []task{
			{System: sys.name, Version: "new", Secrets: []string{former}, User: "ann"},
			{System: sys.name, Version: "new", Secrets: []string{secret}, User: "ann"},
		}
		if sys.lists {
			tasks = append(tasks, task{System: sys.name, Version: "new", Secrets: []string{secret, former}, User: "ann"})
		}
		x := newSite(t, sys, nil, secret, former)
		for _, cookies := range mint(t, tasks...) {
			x.moved("under "+strings.Split(cookies[0], "=")[0], cookies)
		}
	})
}

// TestH23_H24_H25_Refusals: another secret, a session that is over, and one from a clock
// that is ahead.
func TestH23_H24_H25_Refusals(t *testing.T) {
	each(t, func(t *testing.T, sys system) {
		base := task{System: sys.name, Version: "new", Secrets: []string{secret}, User: "ann"}
		wrong, late, early := base, base, base
		wrong.Secrets = []string{strange}
		late.Shift = -60 * 24 * 3600
		early.Shift = 3600
		minted := mint(t, wrong, late, early)
		x := newSite(t, sys, nil, secret)
		x.refused("another secret", minted[0], cookie.ReasonUnknownKey)
		if sys.dated {
			x.refused("sixty days old", minted[1], cookie.ReasonExpired)
			x.refused("an hour ahead", minted[2], cookie.ReasonFuture)
		} else {
			x = newSite(t, sys, func(l *ssestore.Legacy) { l.Issued = time.Now().AddDate(0, -2, 0) }, secret)
			x.refused("a switch-over two months ago", minted[1], cookie.ReasonExpired)
			x = newSite(t, sys, func(l *ssestore.Legacy) { l.Issued = time.Now().Add(time.Hour / 2) }, secret)
			x.refused("a switch-over to come", minted[1], cookie.ReasonFuture)
			x = newSite(t, sys, func(l *ssestore.Legacy) { l.Issued = time.Time{} }, secret)
			x.refused("no switch-over", minted[1], cookie.ReasonForeign)
		}
	})
}

// TestH26_PartsThatDoNotFit: a session that was cut, mixed with another, or has a part too
// few or too many.
func TestH26_PartsThatDoNotFit(t *testing.T) {
	broken := []cookie.Reason{cookie.ReasonForeign, cookie.ReasonMalformed, cookie.ReasonUnknownKey, cookie.ReasonBadTag}
	each(t, func(t *testing.T, sys system) {
		base := task{System: sys.name, Version: "new", Secrets: []string{secret}, User: "ann", Size: 10}
		large := base
		large.Size, large.Chunk = 6000, sys.split != ""
		if sys.split == "" {
			large.Size = 1000
		}
		eve := large
		eve.User = "eve"
		minted := mint(t, base, large, eve)
		small, one, two := minted[0], minted[1], minted[2]
		x := newSite(t, sys, nil, secret)

		for i := range small {
			name, value, _ := strings.Cut(small[i], "=")
			cuts := []int{1, len(value) / 2, len(value) - 1}
			for at, c := range value { // each segment
				if strings.ContainsRune(".*~;", c) {
					cuts = append(cuts, at, at+1)
				}
			}
			for _, cut := range cuts {
				if cut > 0 && cut < len(value) {
					short := append([]string{}, small...)
					short[i] = name + "=" + value[:cut]
					x.refused("cut "+short[i], short, broken...)
				}
			}
		}
		for i := range one {
			name, value, _ := strings.Cut(one[i], "=")
			if len(value) < 20 { // h3's count of parts means nothing here
				continue
			}
			change := func(what, cookie string) {
				t.Helper()
				list := append([]string{}, one...)
				list[i] = cookie
				x.refused(what+" "+name, list, broken...)
			}
			change("cut", name+"="+value[:len(value)-1])
			change("without", "other=x")
			if len(one) > 1 || sys.split == "" {
				change("from another session", two[i])
			}
		}
		if sys.split != "" {
			last := one[len(one)-1]
			name, value, _ := strings.Cut(last, "=")
			head := name[:len(name)-1]
			number := int(name[len(name)-1] - '0')
			many := append([]string{}, one...)
			for i := number + 1; i <= 5; i++ {
				many = append(many, head+string(rune('0'+i))+"="+value)
			}
			x.refused("five parts", many, broken...)
			x.refused("a part twice", append([]string{last[:len(last)-3] + "abc"}, one...), cookie.ReasonAmbiguous)
		}
		x.moved("after all that", one)
	})
}

// TestH27_AfterTheSwitchOver: once the session has moved, or Until has passed, a copy of the
// old cookie is worth nothing.
func TestH27_AfterTheSwitchOver(t *testing.T) {
	each(t, func(t *testing.T, sys system) {
		minted := mint(t, task{System: sys.name, Version: "new", Secrets: []string{secret}, User: "ann"},
			task{System: sys.name, Version: "new", Secrets: []string{secret}, User: "eve"})
		x := newSite(t, sys, nil, secret)
		own := x.moved("first", minted[0])
		page, out, _ := x.visit(append([]string{own}, minted[1]...)...)
		if page != "ann teal" || out.Migrated {
			t.Errorf("both cookies: %q", page)
		}
		// An own cookie that has our shape and doesn't open shuts the door as well.
		page, _, _ = x.visit(append([]string{own[:len(own)-4] + "AAAA"}, minted[1]...)...)
		if page != "nobody" {
			t.Errorf("with a broken cookie of ours: %q", page)
		}
		x = newSite(t, sys, func(l *ssestore.Legacy) { l.Until = time.Now().Add(-time.Second) }, secret)
		x.refused("after Until", minted[0], cookie.ReasonNone)
	})
}

// TestH28_AfterThePasswordChanged: a session from before the change is refused.
func TestH28_AfterThePasswordChanged(t *testing.T) {
	each(t, func(t *testing.T, sys system) {
		minted := mint(t, task{System: sys.name, Version: "new", Secrets: []string{secret}, User: "ann"})[0]
		x := newSite(t, sys, nil, secret)
		x.changed = time.Now().Add(time.Second)
		page, out, _ := x.visit(minted...)
		if page != "nobody" || out.Refused != cookie.ReasonStampMismatch {
			t.Errorf("%q, %v", page, out.Refused)
		}
		x.changed = time.Now().AddDate(-1, 0, 0)
		x.moved("changed a year ago", minted)
	})
}

// TestH29_OtherThingsUnderTheSameSecret: the state of a login under way is no session.
func TestH29_OtherThingsUnderTheSameSecret(t *testing.T) {
	for _, sys := range systems() {
		switch sys.name {
		case "authjs", "nextauth", "nextjsauth0":
			minted := mint(t, task{System: sys.name, Version: "new", Secrets: []string{secret}, User: "ann", Other: true})[0]
			newSite(t, sys, nil, secret).refused(sys.name, minted, cookie.ReasonForeign, cookie.ReasonUnknownKey)
		}
	}
}
