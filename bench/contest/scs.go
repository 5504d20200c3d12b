package contest

import (
	"context"
	"encoding/gob"
	"errors"
	"net"
	"os/exec"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/redis/go-redis/v9"

	"github.com/hardtack-go/hardtack/internal/freeport"
)

// scsSession is a server-side session, whose cookie is an opaque id.
type scsSession struct {
	m     *scs.SessionManager
	o     Options
	value string
	close func() error
}

func newSCS(o Options, store scs.Store, close func() error) (Session, error) {
	gob.Register(cartData{})
	m := scs.New()
	m.Store, m.Lifetime, m.IdleTimeout = store, Absolute, Idle
	s := &scsSession{m: m, o: o, close: close}
	var err error
	if s.value, err = s.Seal(); err != nil {
		return nil, errors.Join(err, close())
	}
	return s, nil
}

func (s *scsSession) CookieName() string { return s.m.Cookie.Name }
func (s *scsSession) Value() string      { return s.value }
func (s *scsSession) Close() error       { return s.close() }

func (s *scsSession) Verify(cookies []string) (string, error) {
	v, err := find(cookies, s.m.Cookie.Name)
	if err != nil {
		return "", err
	}
	ctx, err := s.m.Load(context.Background(), v)
	if err != nil {
		return "", err
	}
	c := claims{
		Expires: s.m.GetInt64(ctx, "exp"), Renewed: s.m.GetInt64(ctx, "rnw"),
		Subject: s.m.GetString(ctx, "sub"), Stamp: s.m.GetString(ctx, "stp"),
	}
	return c.trust(time.Now())
}

func (s *scsSession) put(ctx context.Context, user bool) (string, error) {
	c := newClaims(s.o, user)
	s.m.Put(ctx, "exp", c.Expires)
	s.m.Put(ctx, "rnw", c.Renewed)
	s.m.Put(ctx, "d", c.Data)
	if user {
		s.m.Put(ctx, "auth_time", c.AuthTime)
		s.m.Put(ctx, "sub", c.Subject)
		s.m.Put(ctx, "stp", c.Stamp)
	}
	token, _, err := s.m.Commit(ctx)
	return token, err
}

func (s *scsSession) write(user bool) (string, error) {
	ctx, err := s.m.Load(context.Background(), "")
	if err != nil {
		return "", err
	}
	return s.put(ctx, user)
}

func (s *scsSession) Seal() (string, error)      { return s.write(true) }
func (s *scsSession) Anonymous() (string, error) { return s.write(false) }

func (s *scsSession) Login(cookies []string) (string, error) {
	v, err := find(cookies, s.m.Cookie.Name)
	if err != nil {
		return "", err
	}
	ctx, err := s.m.Load(context.Background(), v)
	if err != nil {
		return "", err
	}
	if err := s.m.RenewToken(ctx); err != nil {
		return "", err
	}
	return s.put(ctx, true)
}

// SCS is alexedwards/scs with its in-memory store.
var SCS = Contestant{
	Name:  "scs (memstore)",
	Lacks: "needs a store on the server; sessions die with the process",
	Open: func(o Options) (Session, error) {
		store := memstore.NewWithCleanupInterval(0)
		return newSCS(o, store, func() error { return nil })
	},
}

// ErrNoRedis is returned when there is no redis-server to compare with.
var ErrNoRedis = errors.New("redis-server is not installed: left out")

// SCSRedis is alexedwards/scs with goredisstore and a real Redis on loopback, which
// is started for the run and stopped afterwards.
var SCSRedis = Contestant{
	Name:  "scs (Redis, loopback)",
	Lacks: "needs a Redis; one network round trip a request",
	Open: func(o Options) (Session, error) {
		client, stop, err := startRedis()
		if err != nil {
			return nil, err
		}
		return newSCS(o, goredisstore.New(client), stop)
	},
}

func startRedis() (*redis.Client, func() error, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, nil, ErrNoRedis
	}
	addr, err := freeport.Addr()
	if err != nil {
		return nil, nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(program, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--maxclients", "64")
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	stop := func() error {
		client.Close()
		cmd.Process.Kill()
		cmd.Wait()
		return nil
	}
	deadline := time.Now().Add(time.Minute)
	for client.Ping(context.Background()).Err() != nil {
		if time.Now().After(deadline) {
			return nil, nil, errors.Join(errors.New("redis-server did not answer"), stop())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return client, stop, nil
}
