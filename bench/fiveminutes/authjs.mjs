import { randomBytes } from "node:crypto";
import { Auth, setEnvDefaults } from "@auth/core";
import { ExpressAuth } from "@auth/express";
import Credentials from "@auth/express/providers/credentials";
import express from "express";
import { check, greet } from "./pages.mjs";

// application is the application over Auth.js, with its sessions in a cookie and its own
// pages for logging in and out.
export function application(ada) {
  const config = {
    secret: randomBytes(32).toString("hex"),
    providers: [
      Credentials({
        credentials: { password: { type: "password" } },
        authorize: ({ password }) => (check(ada, password) ? { name: ada.name } : null),
      }),
    ],
    session: { maxAge: 30 * 60 }, // for: idle
    callbacks: { // for: absolute, password
      jwt({ token, user }) { // for: absolute, password
        if (user) token.login = Date.now(); // for: absolute
        if (user) token.hash = ada.hash; // for: password
        if (Date.now() - token.login > 12 * 60 * 60 * 1000) return null; // for: absolute
        if (token.hash !== ada.hash) return null; // for: password
        return token; // for: absolute, password
      }, // for: absolute, password
    }, // for: absolute, password
  };
  setEnvDefaults(process.env, config); // for: idle
  const app = express();
  app.use("/auth", ExpressAuth(config));
  app.get("/", async (req, res) => {
    // getSession would do, but it drops the cookie that a visit renews.
    const answer = await Auth(new Request(`${req.protocol}://${req.host}/auth/session`, { headers: { cookie: req.headers.cookie ?? "" } }), config);
    res.append("Set-Cookie", answer.headers.getSetCookie()); // for: idle
    const session = await answer.json(); // for: idle
    if (!session) return res.redirect(`/auth/signin?callbackUrl=${encodeURIComponent(req.originalUrl)}`);
    res.set("Cache-Control", "private, no-store"); // for: cache
    res.send(greet(session.user));
  });
  return app;
}
