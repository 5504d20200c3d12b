// Package inspect says what a session store thinks of a cookie, and why. The verdict
// is the store's own. The cause comes from a walk over the value that the store doesn't
// make, because a store must not tell whoever sent the cookie.
//
// Nothing in a Report is secret. It has no session id and no stamp. What users put into
// the session is in it only if Config.Show is set.
package inspect

import (
	"errors"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// Config says how the application reads the cookie. Zero values stand for the defaults
// of ssestore.
type Config struct {
	Ring     *keyring.Keyring // nil: judge the form alone
	Name     string
	Audience string
	Ended    string // the value of the cookie that lists ended sessions, if it isn't in the header

	Idle, Absolute, PersistentIdle, PersistentAbsolute time.Duration

	Show bool // put user ids and values into the report
}

// The verdicts that a store doesn't have. All others are the words of [cookie.Reason].
const (
	OK       = "ok"       // it is a session
	None     = "none"     // there is no value
	Unopened = "unopened" // the form is good, and there are no keys
)

// Report is what there is to say about a request.
type Report struct {
	Verdict string  `json:"verdict"`
	Cause   string  `json:"cause,omitempty"`
	Cookie  string  `json:"cookie"`
	Values  []Value `json:"values"`
}

// Value is one value of the cookie.
type Value struct {
	Verdict string   `json:"verdict"`
	Cause   string   `json:"cause,omitempty"`
	Length  int      `json:"length"`
	KeyID   string   `json:"kid,omitempty"`
	Primary bool     `json:"primary,omitempty"`
	OpensAs *Place   `json:"opens_as,omitempty"`
	Session *Session `json:"session,omitempty"`
}

// Place is what a value was sealed for.
type Place struct {
	Cookie   string `json:"cookie,omitempty"`
	Ticket   string `json:"ticket,omitempty"` // the purpose
	Audience string `json:"audience"`
}

// Session is what an authentic value says.
type Session struct {
	Created    time.Time  `json:"created"`
	Login      *time.Time `json:"login,omitempty"`
	Renewed    time.Time  `json:"renewed"`
	IdleEnds   time.Time  `json:"idle_ends"`
	Ends       time.Time  `json:"ends"`
	Persistent bool       `json:"persistent"`
	User       *Hidden    `json:"user,omitempty"`
	StampKey   string     `json:"stamp_key,omitempty"`
	Actor      *Hidden    `json:"actor,omitempty"`
	Data       []Datum    `json:"data,omitempty"`
	DataFault  bool       `json:"data_fault,omitempty"` // the values can't be read
	LogID      string     `json:"log_id,omitempty"`     // of a session that is alive
}

// Hidden is something of a user's. Value is empty unless it may be shown.
type Hidden struct {
	Value string `json:"value,omitempty"`
}

// Datum is one of the application's values.
type Datum struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
	Value string `json:"value,omitempty"`
}

var errNow = errors.New("the time must be in the years 1970 to 9999")

// Request judges the cookie in what somebody pasted: a value, a Cookie header or a
// Set-Cookie line. The error is about the configuration.
func Request(c Config, pasted string, now time.Time) (Report, error) {
	if sec := now.Unix(); sec <= 0 || sec > claims.MaxTime {
		return Report{}, errNow
	}
	place, err := cookie.New(cookie.Config{Name: c.Name})
	if err != nil {
		return Report{}, err
	}
	ended, err := place.Companion("-ended")
	if err != nil {
		return Report{}, err
	}
	w := &walk{Config: c, now: now}
	lines := headerLines(pasted, c.Name)
	if c.Ended != "" {
		lines = append(lines, ended.Name()+"="+c.Ended)
	}
	w.also = others(lines)
	values := place.Find(nil, lines)
	w.barrier = ended.Find(nil, lines)
	if c.Ring != nil {
		var err2 error
		w.codec, err = cookie.JWE(c.Name, c.Audience)
		w.store, err2 = ssestore.New(ssestore.Config{
			Keys: c.Ring, Cookie: cookie.Config{Name: c.Name}, Audience: c.Audience,
			Idle: c.Idle, Absolute: c.Absolute, PersistentIdle: c.PersistentIdle, PersistentAbsolute: c.PersistentAbsolute,
		})
		if err := errors.Join(err, err2); err != nil {
			return Report{}, err
		}
	}
	r := Report{Cookie: c.Name, Values: []Value{}}
	if len(values) > cookie.MaxCandidates {
		r.Verdict = cookie.ReasonAmbiguous.String()
		r.Cause = "there are more than 8 different values, and none of them is opened"
		return r, nil
	}
	for _, v := range values {
		r.Values = append(r.Values, w.value(v))
	}
	r.Verdict, r.Cause = w.sum(r.Values, lines)
	return r, nil
}

// headerLines makes header lines of what was pasted.
func headerLines(pasted, name string) []string {
	var lines []string
	for line := range strings.Lines(pasted) {
		if line = strings.Trim(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	if !isHeader(lines[0]) {
		// A line break inside stays, so that it is found.
		return []string{name + "=" + strings.Join(lines, "\n")}
	}
	for i, line := range lines {
		for _, field := range []string{"Cookie:", "Set-Cookie:"} {
			if len(line) >= len(field) && strings.EqualFold(line[:len(field)], field) {
				lines[i] = line[len(field):]
			}
		}
	}
	return lines
}

// isHeader tells a header or a pair from a value. Values of other formats may end in
// the padding of base64, so a "=" there makes no pair.
func isHeader(line string) bool {
	if strings.HasPrefix(line, jwe.Prefix) {
		return false // with padding inside, perhaps, or with the attributes of a Set-Cookie line
	}
	return strings.Contains(strings.TrimRight(line, "="), "=") || len(line) >= 7 && strings.EqualFold(line[:7], "Cookie:")
}

// walk judges values under one configuration.
type walk struct {
	Config
	now     time.Time
	store   *ssestore.Store
	codec   cookie.Codec
	barrier []string // values of the cookie of ended sessions
	also    []string // names of other cookies in the request
}

// load asks the store about a request.
func (w *walk) load(lines []string) (*ssestore.Session, string) {
	s := w.store.Load(lines, w.now)
	if !s.Info().New {
		return s, OK
	}
	return s, s.Principal().Refused().String()
}

// value judges one value, as if it came alone.
func (w *walk) value(text string) Value {
	v := Value{Length: len(text)}
	kid, ours := jwe.Kid(text)
	if !ours {
		v.Verdict, v.Cause = cookie.ReasonForeign.String(), foreign(text)
		return v
	}
	v.KeyID = string(kid[:jwe.KidLen])
	if w.Ring == nil {
		if v.Verdict = Unopened; jwe.Check(text) != jwe.OK {
			v.Verdict, v.Cause = cookie.ReasonMalformed.String(), malformed(text)
		}
		return v
	}
	v.Primary = v.KeyID == w.Ring.Primary().ID()
	lines := []string{w.Name + "=" + text}
	for _, ended := range w.barrier {
		lines = append(lines, w.Name+"-ended="+ended)
	}
	session, verdict := w.load(lines)
	v.Verdict = verdict
	opened, err := w.codec.Open(w.Ring, text)
	switch reason := cookie.ReasonOf(err); reason {
	case cookie.ReasonNone:
		w.authentic(&v, session, opened.Plaintext)
	case cookie.ReasonUnknownKey:
		v.Cause = unknownKey(w.Ring, v.KeyID)
	case cookie.ReasonMalformed:
		v.Cause = malformed(text)
	case cookie.ReasonBadTag:
		v.OpensAs = w.opensAs(text)
		v.Cause = badTag(v.OpensAs, w.Name, w.Audience)
	}
	return v
}

// authentic explains a value that opens.
func (w *walk) authentic(v *Value, s *ssestore.Session, plaintext []byte) {
	var c claims.Claims
	if !c.Parse(plaintext) {
		v.Cause = unreadable(plaintext)
		return
	}
	v.Session = w.session(&c)
	switch v.Verdict {
	case OK:
		v.Session.LogID = s.Info().LogID
	case cookie.ReasonFuture.String():
		v.Cause = w.future(&c)
	case cookie.ReasonExpired.String():
		v.Cause = w.expired(&c)
	case cookie.ReasonEnded.String():
		v.Cause = w.ended(&c)
	}
}

// session is what the claims say, without the secrets.
func (w *walk) session(c *claims.Claims) *Session {
	idle, absolute := w.profile(c.Per)
	_, began := started(c)
	ends := min(c.Exp, began+absolute)
	if c.End != 0 {
		ends = min(ends, c.End)
	}
	s := &Session{
		Created: unix(c.Iat), Renewed: unix(c.Rnw), Ends: unix(ends), IdleEnds: unix(min(ends, c.Rnw+idle)),
		Persistent: c.Per, StampKey: c.Stk.String(),
	}
	if c.Sub != "" {
		login := unix(c.AuthTime)
		s.Login, s.User = &login, w.hidden(c.Sub)
	}
	members, ok := claims.Members(nil, c.D)
	if !ok {
		s.DataFault = true
		return s
	}
	for _, m := range members {
		if m.Name == "-act" {
			var actor claims.Actor
			actor.Parse(m.Raw)
			s.Actor = w.hidden(actor.Sub)
			continue
		}
		d := Datum{Name: m.Name, Bytes: len(m.Raw)}
		if w.Show {
			d.Value = string(m.Raw)
		}
		s.Data = append(s.Data, d)
	}
	return s
}

func (w *walk) hidden(value string) *Hidden {
	if w.Show {
		return &Hidden{strings.Clone(value)}
	}
	return &Hidden{}
}

// profile returns the idle and the absolute timeout in seconds.
func (w *walk) profile(persistent bool) (idle, absolute int64) {
	or := func(d, fallback time.Duration) int64 {
		if d == 0 {
			d = fallback
		}
		return int64(d / time.Second)
	}
	if persistent {
		return or(w.PersistentIdle, ssestore.DefaultPersistentIdle), or(w.PersistentAbsolute, ssestore.DefaultPersistentAbsolute)
	}
	return or(w.Idle, ssestore.DefaultIdle), or(w.Absolute, ssestore.DefaultAbsolute)
}

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

// sum is the verdict on the whole request.
func (w *walk) sum(values []Value, lines []string) (verdict, cause string) {
	switch len(values) {
	case 0:
		return None, missing(lines, w.Name)
	case 1:
		return values[0].Verdict, values[0].Cause
	}
	if w.store == nil {
		for _, v := range values {
			if verdict = v.Verdict; verdict == Unopened {
				break
			}
		}
		return verdict, ""
	}
	_, verdict = w.load(lines)
	good := 0
	for _, v := range values {
		if v.Verdict == OK {
			good++
		}
	}
	switch {
	case good > 1:
		cause = "two or more values are good, so the request has no session: the cookie was set with different Domain, Path or Partitioned"
	case good == 1:
		cause = "one value is good, and the others don't count"
	default:
		cause = "no value is good"
	}
	return verdict, cause
}
