package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/signin"
)

// mails keeps what the shop sends.
type mails []signin.Mail

func (m *mails) Send(_ context.Context, mail signin.Mail) error {
	*m = append(*m, mail)
	return nil
}

// open starts the shop over the files in dir, as main does.
func open(t *testing.T, dir string, send signin.Sender) (url string, stop func()) {
	t.Helper()
	users, err := OpenUsers(filepath.Join(dir, "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.OpenOrCreateFile(filepath.Join(dir, "keys.json"), func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	origin := "https://" + srv.Listener.Addr().String()
	if srv.Config.Handler, err = newShop(users, keys, origin, send); err != nil {
		t.Fatal(err)
	}
	srv.StartTLS()
	return origin, func() { srv.Close(); users.db.Close() }
}

// a browser keeps cookies and follows redirects.
type browser struct {
	t *testing.T
	http.Client
}

func newBrowser(t *testing.T) *browser {
	jar, _ := cookiejar.New(nil)
	b := &browser{t: t, Client: http.Client{Jar: jar}}
	b.Transport = httptest.NewTLSServer(nil).Client().Transport // trusts the certificate of every httptest server
	return b
}

func (b *browser) page(resp *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	if err := resp.Write(&text); err != nil {
		b.t.Fatal(err)
	}
	return text.String()
}

func (b *browser) get(url string) string { return b.page(b.Get(url)) }

func (b *browser) post(address string, form ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	return b.page(b.PostForm(address, v))
}

// TestFirstHour walks through docs/FIRST-HOUR.md.
func TestFirstHour(t *testing.T) {
	dir := t.TempDir()
	var sent mails
	shop, stop := open(t, dir, &sent)
	defer func() { stop() }()
	ada := newBrowser(t)
	has := func(page, want string) {
		t.Helper()
		if !strings.Contains(page, want) {
			t.Fatalf("no %q in\n%s", want, page)
		}
	}
	const first, second = "correct horse battery", "staple of the stables"

	// A cart before there is an account, which ordering needs.
	has(ada.post(shop+"/add", "item", "biscuit"), "<li>biscuit</li>")
	has(ada.get(shop+"/order"), `name="password"`)

	// An account, by the link in the mail. The cart is still there.
	ada.post(shop+"/password/signup", "email", "ada@example.com")
	_, link, _ := strings.Cut(sent[len(sent)-1].Text, shop)
	link, _, _ = strings.Cut(link, "\n")
	ada.get(shop + link)
	ada.post(shop+"/password/welcome", "password", first)
	has(ada.get(shop+"/order"), "Thank you, ada@example.com. You ordered 1 things.")

	// The server starts again, and nobody is out.
	stop()
	shop, stop = open(t, dir, &sent)
	has(ada.get(shop+"/order"), "Thank you, ada@example.com")

	// A new password ends the other browser, and not this one.
	phone := newBrowser(t)
	phone.post(shop+"/password/login", "email", "ada@example.com", "password", first)
	has(phone.get(shop+"/order"), "Thank you, ada@example.com")
	ada.post(shop+"/password/change", "current", first, "password", second)
	has(ada.get(shop+"/order"), "Thank you, ada@example.com")
	has(phone.get(shop+"/order"), `name="password"`)

	// A new key ends nobody.
	file, err := keyring.OpenFile(filepath.Join(dir, "keys.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Update(func(r *keyring.Keyring) (*keyring.Keyring, error) { return r.Rotate() }); err != nil {
		t.Fatal(err)
	}
	has(ada.get(shop+"/order"), "Thank you, ada@example.com")
}
