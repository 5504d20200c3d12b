// Mints sessions with the libraries themselves. It reads tasks from standard input, one a
// line as JSON, and writes for each a line with the cookies that a browser would send back,
// as "name=value". It ends with its input.
//
// A task has system, version ("new" or "old"), secrets (newest first), user, size (of filler
// in the session, in characters) and shift (what the clock is off by, in seconds).
import { once } from "node:events";
import { createInterface } from "node:readline";

const RealDate = Date;
let shift = 0;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shift);
    else super(...args);
  }
  static now() {
    return RealDate.now() + shift;
  }
};

// The path goes around the lists of exports: some of these files aren't public.
const load = (path) => import(new URL(`./node_modules/${path}`, import.meta.url));

const minters = {
  async authjs({ version, secrets, user, filler, other }) {
    const dir = { new: "@auth/core", old: "auth-core-old", oldest: "auth-core-oldest" }[version];
    const { encode } = await load(`${dir}/jwt.js`);
    const { SessionStore } = await load(`${dir}/lib/utils/cookie.js`);
    const name = "__Secure-authjs.session-token";
    // A cookie of a login under way is sealed with its own name as the salt.
    const salt = other ? "__Secure-authjs.state" : name;
    const value = await encode({
      token: { sub: user, name: "Ann", colour: "teal", filler },
      secret: version === "oldest" ? secrets[0] : secrets,
      salt,
    });
    return chunks(new SessionStore({ name, options: {} }, {}, quiet).chunk(value, {}));
  },

  async nextauth({ version, secrets, user, filler, other }) {
    const dir = version === "new" ? "next-auth" : "next-auth-old";
    const { encode } = (await load(`${dir}/jwt/index.js`)).default;
    const { SessionStore } = (await load(`${dir}/core/lib/cookie.js`)).default;
    const name = "__Secure-next-auth.session-token";
    const token = other ? { state: "state of a login" } : { sub: user, colour: "teal", filler };
    const value = await encode({ token, secret: secrets[0] });
    return chunks(new SessionStore({ name, options: {} }, { cookies: {}, headers: {} }, quiet).chunk(value, {}));
  },

  async nextjsauth0({ version, secrets, user, filler, other }) {
    const dir = version === "new" ? "@auth0/nextjs-auth0" : "nextjs-auth0-old";
    const { encrypt, RequestCookies, ResponseCookies } = await load(`${dir}/dist/server/cookies.js`);
    const now = Math.floor(Date.now() / 1000);
    if (other) {
      // What TransactionStore seals, under the name of the session.
      const state = { nonce: "n", codeVerifier: "v", state: "s", returnTo: "/" };
      return [`__session=${await encrypt(state, secrets[0], now + 3600)}`];
    }
    const { StatelessSessionStore } = await load(`${dir}/dist/server/session/stateless-session-store.js`);
    const headers = new Headers();
    const store = new StatelessSessionStore({ secret: secrets[0], cookieOptions: { secure: true } });
    await store.set(new RequestCookies(new Headers()), new ResponseCookies(headers), {
      user: { sub: user, colour: "teal" },
      tokenSet: { accessToken: filler, idToken: "id", scope: "openid", expiresAt: now + 3600 },
      internal: { sid: "sid", createdAt: now },
    });
    return kept(headers.getSetCookie());
  },

  async expressopenidconnect({ version, secrets, user, filler }) {
    const dir = version === "new" ? "express-openid-connect" : "express-openid-connect-old";
    const session = (await load(`${dir}/lib/appSession.js`)).default({
      secret: secrets,
      session: {
        name: "appSession", rolling: true, rollingDuration: 86400, absoluteDuration: 7 * 86400,
        cookie: { httpOnly: true, sameSite: "Lax", secure: true },
      },
    });
    return express(session, (req) => {
      // As after a login: the ID token's claims name the user.
      const claims = Buffer.from(JSON.stringify({ sub: user, colour: "teal" })).toString("base64url");
      Object.assign(req.appSession, { id_token: `e30.${claims}.sig`, access_token: filler });
    });
  },

  async betterauth({ version, secrets, user, filler }) {
    const dir = version === "new" ? "better-auth" : "better-auth-old";
    const { betterAuth } = await load(`${dir}/dist/index.mjs`);
    const auth = betterAuth({
      baseURL: "https://app.example", secret: secrets[0], logger: { disabled: true }, telemetry: { enabled: false },
      rateLimit: { enabled: false },
      emailAndPassword: { enabled: true, password: { hash: async (p) => p, verify: async () => true } },
      session: { cookieCache: { enabled: true, strategy: "jwe", maxAge: 300 } },
      user: { additionalFields: { colour: { type: "string" }, filler: { type: "string", required: false } } },
    });
    const response = await auth.handler(new Request("https://app.example/api/auth/sign-up/email", {
      method: "POST",
      headers: { "content-type": "application/json", origin: "https://app.example" },
      body: JSON.stringify({ name: user, email: `${user}@app.example`, password: "correct horse", colour: "teal", filler }),
    }));
    if (!response.ok) throw new Error(`sign-up: ${response.status} ${await response.text()}`);
    return kept(response.headers.getSetCookie()).filter((c) => c.startsWith("__Secure-better-auth.session_data"));
  },

  async ironsession({ version, secrets, user, filler, chunk, ttl }) {
    const { getIronSession } = await load(version === "new" ? "iron-session/dist/index.js" : "iron-session-8/dist/index.js");
    // Its list is an object whose highest number is the newest.
    const password = Object.fromEntries(secrets.map((s, i) => [secrets.length - i, s]));
    const response = new Response();
    const session = await getIronSession(new Request("https://app.example/"), response, {
      cookieName: "app-session", password, chunk, ...(ttl === undefined ? {} : { ttl }),
    });
    Object.assign(session, { user: { id: user }, colour: "teal", filler });
    await session.save();
    return kept(response.headers.getSetCookie());
  },

  async h3({ version, secrets, user, filler, maxAge }) {
    const config = { password: secrets[0], maxAge };
    const values = { userId: user, colour: "teal", filler };
    if (version === "new") {
      const { H3, useSession } = await import("h3");
      const app = new H3();
      app.get("/", async (event) => {
        await (await useSession(event, config)).update(values);
        return "ok";
      });
      return kept((await app.request("/")).headers.getSetCookie());
    }
    const { createApp, eventHandler, toWebHandler, useSession } = await import("h3-1");
    const app = createApp();
    app.use(eventHandler(async (event) => {
      await (await useSession(event, config)).update(values);
      return "ok";
    }));
    return kept((await toWebHandler(app)(new Request("https://app.example/"))).headers.getSetCookie());
  },

  async cookiesession({ version, secrets, user, filler }) {
    const dir = version === "new" ? "cookie-session" : "cookie-session-old";
    const session = (await load(`${dir}/index.js`)).default({ name: "session", keys: secrets });
    return express(session, (req) => Object.assign(req.session, { userId: user, colour: "teal", filler }));
  },
};

const quiet = { debug() {}, warn() {}, error() {} };

// chunks are what a SessionStore sets.
const chunks = (list) => list.map(({ name, value }) => `${name}=${value}`);

// kept are the pairs of Set-Cookie lines that a browser keeps.
const kept = (lines) => lines.map((line) => line.split(";")[0]).filter((pair) => !/^[^=]*=$/.test(pair));

// express runs one request through a middleware, in a real application.
async function express(session, change) {
  const { default: make } = await import("express");
  const app = make();
  app.use(session, (req, res) => {
    change(req);
    res.end("ok");
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`);
    return kept(response.headers.getSetCookie());
  } finally {
    server.close();
  }
}

// What a library prints must not come between the lines.
console.log = console.info = console.error;

for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line);
  shift = (task.shift ?? 0) * 1000;
  let result;
  try {
    result = { cookies: await minters[task.system]({ ...task, filler: fill(task.size ?? 0) }) };
  } catch (error) {
    result = { error: String(error?.stack ?? error) };
  }
  shift = 0;
  process.stdout.write(JSON.stringify(result) + "\n");
}
process.exit(0);

// fill makes text that doesn't repeat.
function fill(size) {
  let text = "", x = 1;
  while (text.length < size) {
    x = (x * 48271) % 2147483647;
    text += x.toString(36);
  }
  return text.slice(0, size);
}
