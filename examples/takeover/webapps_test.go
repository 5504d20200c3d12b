package takeover

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ssestore/legacy"
)

// A webTask is a session for mint.py or mint.rb to make.
type webTask struct {
	System  string   `json:"system"`
	Secrets []string `json:"secrets"`
	User    string   `json:"user"`
	Size    int      `json:"size"`   // characters of filler
	Repeat  int      `json:"repeat"` // how often a letter stands in it
	Shift   int      `json:"shift"`  // by how many seconds the clock is off
	Form    string   `json:"form,omitempty"`
	Other   bool     `json:"other"` // something else under the same secret

	// Of Rails.
	Digest string `json:"digest"`
	Life   int    `json:"life,omitempty"`
	Bare   bool   `json:"bare"` // as Rails 5.2 writes it
}

func ann(system string, change ...func(*webTask)) webTask {
	t := webTask{System: system, Secrets: []string{secret}, User: "ann"}
	for _, f := range change {
		f(&t)
	}
	return t
}

// A language says how to run what mints.
type language struct {
	program, script string
	libraries       string // a program that shows them
	packages        string // Debian's
}

var (
	python = language{"python3", "mint.py",
		`from importlib.metadata import version as v; import django, flask; print("Flask", v("flask"), "Django", django.__version__)`,
		"python3-flask python3-django"}
	ruby = language{"ruby", "mint.rb",
		`require "action_pack/version"; require "active_support/version"; puts "Rails #{ActionPack.version}"`,
		"ruby-actionpack"}
)

// find returns the program that has the libraries, or skips the test, or fails it where
// they have been installed on purpose.
func (l language) find(t *testing.T) string {
	t.Helper()
	flag := "-c"
	if l.program == "ruby" {
		flag = "-e"
	}
	// Debian's libraries belong to Debian's program, which needn't be the first one.
	for _, path := range []string{"/usr/bin/" + l.program, l.program} {
		if out, err := exec.Command(path, flag, l.libraries).Output(); err == nil {
			t.Logf("%s: %s", path, out)
			return path
		}
	}
	if os.Getenv("HARDTACK_CI") == "1" {
		t.Fatalf("%s isn't installed, and HARDTACK_CI=1 says that it should be", l.packages)
	}
	t.Skipf("%s isn't installed", l.packages)
	return ""
}

// mintWeb has the libraries make sessions. Each is a "name=value".
func mintWeb(t *testing.T, tasks ...webTask) []string {
	t.Helper()
	l := python
	if tasks[0].System == "rails" {
		l = ruby
	}
	all := make([]string, len(tasks))
	for i, cookies := range ask(t, l.find, l.script, tasks) {
		if len(cookies) != 1 {
			t.Fatalf("%+v: %q", tasks[i], cookies)
		}
		all[i] = cookies[0]
	}
	return all
}

// webSystems are the systems whose sessions Ruby and Python make.
func webSystems() []system {
	return []system{
		{name: "flask", dated: true, describe: func(s ...string) ssestore.Legacy {
			return legacy.Flask(cookie.Config{}, s...)
		}, user: flaskUser},
		{name: "django", dated: true, describe: func(s ...string) ssestore.Legacy {
			return legacy.Django(cookie.Config{}, s...)
		}, user: djangoUser},
		{name: "rails", describe: func(s ...string) ssestore.Legacy {
			l := legacy.Rails(cookie.Config{Name: "_app_session"}, s...)
			l.Issued = switchOver
			return l
		}, user: railsUser},
	}
}

func flaskUser(claims []byte) (string, string) {
	var c struct {
		UserID string `json:"_user_id"`
		Colour string
	}
	json.Unmarshal(claims, &c)
	return c.UserID, c.Colour
}

func djangoUser(claims []byte) (string, string) {
	var c struct {
		UserID string `json:"_auth_user_id"`
		Hash   string `json:"_auth_user_hash"`
		Colour string
	}
	json.Unmarshal(claims, &c)
	if len(c.Hash) != 64 { // an HMAC of SHA-256, in hexadecimal
		return "", ""
	}
	return map[string]string{"1": "ann", "2": "eve"}[c.UserID], c.Colour
}

func railsUser(claims []byte) (string, string) {
	var c struct {
		Warden []json.RawMessage `json:"warden.user.user.key"`
		Colour string
	}
	var ids []string
	if json.Unmarshal(claims, &c) != nil || len(c.Warden) != 2 || json.Unmarshal(c.Warden[0], &ids) != nil || len(ids) != 1 {
		return "", ""
	}
	return ids[0], c.Colour
}

func eachWeb(t *testing.T, test func(t *testing.T, sys system)) {
	for _, sys := range webSystems() {
		t.Run(sys.name, func(t *testing.T) { test(t, sys) })
	}
}

// TestH40_SessionsOfWebFrameworks: what Flask, Django and Rails made logs the same user in
// here, with a value of the session.
func TestH40_SessionsOfWebFrameworks(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		x := newSite(t, sys, nil, secret)
		tasks := []webTask{ann(sys.name), ann(sys.name, func(t *webTask) { t.Size = 1000 })}
		if sys.name == "rails" {
			for _, bare := range []bool{false, true} {
				for _, life := range []int{0, 3600} {
					tasks = append(tasks, ann(sys.name, func(t *webTask) { t.Digest, t.Life, t.Bare = "sha256", life, bare }))
				}
			}
		} else {
			tasks = append(tasks, ann(sys.name, func(t *webTask) { t.Repeat = 30_000 }))
		}
		for i, minted := range mintWeb(t, tasks...) {
			x.moved(sys.name, []string{minted})
			packed := strings.Contains(minted, "=.")
			if sys.name != "rails" && i > 0 && !packed {
				t.Errorf("%d isn't compressed: %.40s", i, minted)
			}
		}
	})
}

// TestH41_RotatedSecrets: sessions under a former secret are taken over, wherever the
// secret stands in the list, and those of a library that has a list itself.
func TestH41_RotatedSecrets(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		minted := mintWeb(t, ann(sys.name), ann(sys.name, func(t *webTask) { t.Secrets = []string{former} }),
			ann(sys.name, func(t *webTask) { t.Secrets = []string{secret, former} }))
		for _, secrets := range [][]string{{secret, former}, {former, secret}} {
			x := newSite(t, sys, nil, secrets...)
			for _, m := range minted {
				x.moved("rotated", []string{m})
			}
		}
	})
}

// TestH42_H43_SessionsThatDoNotCount: another secret, a session that is over, and one from
// a clock that is ahead.
func TestH42_H43_SessionsThatDoNotCount(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		minted := mintWeb(t,
			ann(sys.name, func(t *webTask) { t.Secrets = []string{strange} }),
			ann(sys.name, func(t *webTask) { t.Shift, t.Life = -60*24*3600, 3600 }),
			ann(sys.name, func(t *webTask) { t.Shift = 3600 }),
		)
		x := newSite(t, sys, nil, secret, former)
		x.refused("another secret", minted[:1], cookie.ReasonUnknownKey)
		x.refused("sixty days old", minted[1:2], cookie.ReasonExpired)
		if sys.dated {
			x.refused("an hour ahead", minted[2:], cookie.ReasonFuture)
			return
		}
		x = newSite(t, sys, func(l *ssestore.Legacy) { l.Issued = time.Now().AddDate(0, -2, 0) }, secret)
		x.refused("a switch-over two months ago", minted[2:], cookie.ReasonExpired)
		x = newSite(t, sys, func(l *ssestore.Legacy) { l.Issued = time.Now().Add(30 * time.Minute) }, secret)
		x.refused("a switch-over to come", minted[2:], cookie.ReasonFuture)
		x = newSite(t, sys, func(l *ssestore.Legacy) { l.Issued = time.Time{} }, secret)
		x.refused("no switch-over", minted[2:], cookie.ReasonForeign)
		if _, out, _ := x.visit(minted[2]); !errors.Is(out.NotMigrated, ssestore.ErrUndated) {
			t.Errorf("no switch-over: %v", out.NotMigrated)
		}
	})
}

// TestH44_CutAnywhere: a session that was cut at any place is none.
func TestH44_CutAnywhere(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		minted := mintWeb(t, ann(sys.name))[0]
		x := newSite(t, sys, nil, secret)
		name, value, _ := strings.Cut(minted, "=")
		step := 1
		if testing.Short() {
			step = 7
		}
		for n := 1; n < len(value); n += step {
			x.refused("cut", []string{name + "=" + value[:n]}, cookie.ReasonForeign, cookie.ReasonUnknownKey)
			x.refused("without its beginning", []string{name + "=" + value[n:]}, cookie.ReasonForeign, cookie.ReasonUnknownKey)
		}
		x.moved("after all that", []string{minted})
	})
}

// TestH45_Bombs: what unfolds to more than a session may is refused. The libraries make
// such sessions from what their users type.
func TestH45_Bombs(t *testing.T) {
	for _, sys := range webSystems()[:2] {
		minted := mintWeb(t, ann(sys.name, func(t *webTask) { t.Repeat = 2_000_000 }))
		if len(minted[0]) > 8000 {
			t.Fatalf("%s: %d bytes", sys.name, len(minted[0]))
		}
		newSite(t, sys, nil, secret).refused(sys.name, minted, cookie.ReasonMalformed)
	}
}

// TestH46_AfterTheSwitchOver: once the session has moved, or Until has passed, a copy of the
// old cookie is worth nothing.
func TestH46_AfterTheSwitchOver(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		minted := mintWeb(t, ann(sys.name), ann(sys.name, func(t *webTask) { t.User = "eve" }))
		x := newSite(t, sys, nil, secret)
		own := x.moved("first", minted[:1])
		if page, out, _ := x.visit(own, minted[1]); page != "ann teal" || out.Migrated {
			t.Errorf("both cookies: %q", page)
		}
		if page, _, _ := x.visit(own[:len(own)-4]+"AAAA", minted[1]); page != "nobody" {
			t.Errorf("with a broken cookie of ours: %q", page)
		}
		x = newSite(t, sys, func(l *ssestore.Legacy) { l.Until = time.Now().Add(-time.Second) }, secret)
		x.refused("after Until", minted[:1], cookie.ReasonNone)
	})
}

// TestH47_AfterThePasswordChanged: a session from before the change is refused.
func TestH47_AfterThePasswordChanged(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		minted := mintWeb(t, ann(sys.name))
		x := newSite(t, sys, nil, secret)
		x.changed = time.Now().Add(time.Second)
		if page, out, _ := x.visit(minted...); page != "nobody" || out.Refused != cookie.ReasonStampMismatch {
			t.Errorf("%q, %v", page, out.Refused)
		}
		x.changed = time.Now().AddDate(-1, 0, 0)
		x.moved("changed a year ago", minted)
	})
}

// TestH48_PickleAndMarshal: sessions that hold code aren't read, and the log says why.
func TestH48_PickleAndMarshal(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		form := map[string]string{"flask": "pickle", "django": "pickle", "rails": "marshal"}[sys.name]
		minted := mintWeb(t, ann(sys.name, func(t *webTask) { t.Form = form }), ann(sys.name, func(t *webTask) { t.Form, t.Bare = form, true }))
		x := newSite(t, sys, nil, secret)
		for _, m := range minted {
			x.refused(form, []string{m}, cookie.ReasonMalformed)
			if _, out, _ := x.visit(m); !errors.Is(out.NotMigrated, legacy.ErrNotJSON) {
				t.Errorf("%s: %v", form, out.NotMigrated)
			}
		}
	})
}

// TestH49_OtherThingsUnderTheSameSecret: another cookie of the Rails application, and what
// the others sign with another salt, are no session.
func TestH49_OtherThingsUnderTheSameSecret(t *testing.T) {
	eachWeb(t, func(t *testing.T, sys system) {
		minted := mintWeb(t, ann(sys.name, func(t *webTask) { t.Other = true }), ann(sys.name, func(t *webTask) { t.Other, t.Bare = true, true }))
		x := newSite(t, sys, nil, secret)
		want := cookie.ReasonUnknownKey
		if sys.name == "rails" {
			want = cookie.ReasonMalformed
		}
		x.refused("with a purpose", minted[:1], want)
		x.refused("without one", minted[1:], want)
	})
}
