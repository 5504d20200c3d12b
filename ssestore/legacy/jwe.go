package legacy

import (
	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/jose"
	"github.com/hardtack-go/hardtack/ssestore"
)

// AuthJS is the session of Auth.js 5 (@auth/core, next-auth 5): the JWT in
// "__Secure-authjs.session-token", or in its parts. The secrets are AUTH_SECRET, as in
// its configuration's list. Migrate gets the claims: sub is the user's id, if the
// application's jwt callback hasn't changed that.
func AuthJS(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "__Secure-authjs.session-token", encrypted(secrets, func(name, secret string) [][]byte {
		info := "Auth.js Generated Encryption Key (" + name + ")"
		return [][]byte{expand(secret, name, info, 64), expand(secret, name, info, 32)}
	}))
	l.Parts = "."
	return l
}

// NextAuth is the session of next-auth 4: the JWT in "__Secure-next-auth.session-token", or
// in its parts. The secret is NEXTAUTH_SECRET. Migrate gets the claims: sub is the user's id.
func NextAuth(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "__Secure-next-auth.session-token", encrypted(secrets, func(_, secret string) [][]byte {
		return [][]byte{expand(secret, "", "NextAuth.js Generated Encryption Key", 32)}
	}))
	l.Parts = "."
	return l
}

// NextJSAuth0 is the session of @auth0/nextjs-auth0 4: "__session", or its parts. The
// secret is AUTH0_SECRET. Migrate gets a JSON object with user (the claims of the ID
// token, so user.sub is Auth0's id of the user), tokenSet and internal. The state of a login
// under way is sealed with the same secret: check that there is a user.sub.
func NextJSAuth0(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "__session", encrypted(secrets, auth0))
	l.Parts = "__"
	return l
}

// ExpressOpenIDConnect is the session of express-openid-connect: "appSession", or its
// parts. The secrets are its secret, or list of them. Migrate gets a JSON object with
// id_token, access_token and what the application put there; the user is in the claims of
// id_token, which need no check of their own, as nobody else can make this cookie.
func ExpressOpenIDConnect(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "appSession", encrypted(secrets, auth0))
	l.Parts = "."
	return l
}

func auth0(_, secret string) [][]byte { return [][]byte{expand(secret, "", "JWE CEK", 32)} }

// BetterAuth is the cookie cache of better-auth with the strategy "jwe":
// "__Secure-better-auth.session_data", or its parts. The secret is BETTER_AUTH_SECRET.
// Migrate gets a JSON object with session and user. The cache lives five minutes by
// default, so only those who were active just before the switch-over are taken over; for
// the others, ask the database for the session in "session_token".
func BetterAuth(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "__Secure-better-auth.session_data", encrypted(secrets, func(_, secret string) [][]byte {
		return [][]byte{expand(secret, "better-auth-session", "BetterAuth.js Generated Encryption Key", 64)}
	}))
	l.Parts = "."
	return l
}

// encrypted is the format of a JWE under keys that are derived from each secret.
func encrypted(secrets []string, derive func(name, secret string) [][]byte) cookie.Format {
	return func(name, audience string) (cookie.Codec, error) {
		if err := check(secrets); err != nil {
			return nil, err
		}
		var keys [][]byte
		for _, s := range secrets {
			keys = append(keys, derive(name, s)...)
		}
		return jose.WithKeys(keys...)(name, audience)
	}
}
