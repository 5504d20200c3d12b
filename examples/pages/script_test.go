package pages

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// A play is what is around a block of JavaScript: what its page leaves to the reader.
type play struct {
	begins string // how the block begins, after its imports
	where  string // the folder from whose node_modules it imports
	types  string // declarations, in TypeScript. The compiler checks the block with them
	before string // in JavaScript. Node runs the block behind it
	after  string // and this, which throws if something is wrong
}

// plays are in the order of the pages and of the blocks in them. "reader" is the folder in
// which the package of js/ is installed; "takeover" has the libraries of docs/MIGRATING.md,
// with their own types.
var plays = map[string][]play{
	"docs/HOWTO.md": {{
		begins: "// vite.config.js",
		after:  `if (module.default.server.proxy["/api"] !== "http://localhost:8080") throw new Error("no proxy");`,
	}, {
		begins: `const api = "https://api.example.com"`,
		before: `
			const sent = [], navigator = { locks: { request: async (name, { mode }, work) => (sent.push(mode), work()) } };
			globalThis.fetch = async (url, options) => { sent.push(url, options); };`,
		after: `
			await call("GET", "/me");
			await call("POST", "/cart", { count: 1 });
			const got = JSON.stringify(sent), want = JSON.stringify([
				"shared", "https://api.example.com/me", { method: "GET", credentials: "include", headers: {} },
				"exclusive", "https://api.example.com/cart",
				{ method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: '{"count":1}' },
			]);
			if (got !== want) throw new Error(got);`,
	}, {
		begins: "// watch asks how long the session has,",
		before: `
			let answer, hidden, shown = 0, waits;
			const call = async (method, path) => { if (!answer) throw new Error("offline"); return answer; };
			const $ = (id) => ({ set hidden(value) { hidden = id + value; } }), show = () => { shown++; };
			const setTimeout = (what, time) => { waits = time / 1000; }, clearTimeout = () => {};`,
		after: `
			const left = async (idle) => { answer = Response.json({ idle }); await watch(); return hidden + waits; };
			const got = [await left(1800), await left(100), await left(-1)];
			answer = new Response(null, { status: 503 }), await watch(), got.push(waits);
			answer = null, await watch(), got.push(waits);
			answer = new Response(null, { status: 401 }), await watch(), got.push(shown);
			if (got.join() !== "endingtrue1681,endingfalse101,endingfalse1,60,60,1") throw new Error(got);`,
	}},
	"docs/MIGRATING.md": {{
		begins: "export const { handlers, auth } = NextAuth({", where: "takeover",
		types: `
			import type { AuthConfig } from "@auth/core";
			declare module "@auth/core/types" { interface User { colour?: string } }
			declare global { function NextAuth(config: Partial<AuthConfig>): { handlers: object, auth: object } }`,
	}, {
		begins: "export default NextAuth({", where: "takeover",
		types: `
			import type { AuthOptions } from "next-auth";
			declare global { function NextAuth(options: Partial<AuthOptions>): unknown }`,
	}, {
		begins: "export const auth0 = new Auth0Client({", where: "takeover",
		types: `
			import { Auth0Client as Client } from "@auth0/nextjs-auth0/server";
			declare global { const Auth0Client: typeof Client }`,
	}, {
		begins: "app.use(auth({", where: "takeover",
		types: `
			import { auth as make } from "express-openid-connect";
			declare global { const auth: typeof make, app: { use(h: unknown): void, get(path: string, h: (req: any, res: any) => void): void } }`,
	}, {
		begins: "export const auth = betterAuth({", where: "takeover",
		types: `
			import { betterAuth as make } from "better-auth";
			declare global { const betterAuth: typeof make }`,
	}, {
		begins: "const session = await getIronSession(", where: "takeover",
		types: `
			import { getIronSession as get } from "iron-session";
			declare global { const getIronSession: typeof get; function cookies(): Promise<Parameters<typeof get>[0] & any> }`,
	}, {
		begins: "const session = await useSession(", where: "takeover",
		types: `
			import { useSession as use, type H3Event } from "h3";
			declare global { const useSession: typeof use, event: H3Event, user: { id: string } }`,
	}, {
		begins: "app.use(cookieSession({", where: "takeover",
		// The library has no types. It throws if it has no keys.
		before: `import cookieSession from "cookie-session"; import express from "express"; const app = express(); process.env.SESSION_KEY = "k";`,
		after: `
			app.get("/", (req, res) => { req.session.userId = "ann"; res.end(); });
			const server = app.listen(0, "127.0.0.1");
			await new Promise((done) => server.once("listening", done));
			const response = await fetch("http://127.0.0.1:" + server.address().port);
			server.close();
			const names = response.headers.getSetCookie().map((line) => line.split("=")[0]).join();
			if (names !== "session,session.sig") throw new Error(names);`,
	}},
	"js/README.md": {{
		begins: "const sessions = await reader(process.env.SESSION_READ_KEYS); // once", where: "reader",
		types:  `declare const request: Request;`,
		before: `const request = visit; const lines = []; console.log = (...words) => lines.push(words.join());`,
		after:  `if (verdict !== "ok" || lines.join() !== "ann,ship's biscuit") throw new Error(verdict + " " + lines);`,
	}, {
		begins: "const keys = process.env.SESSION_READ_KEYS;", where: "reader",
		// There is no snapshot at this address, so nobody can tell.
		before: `globalThis.fetch = async (url) => (fetched.push(url), new Response(null, { status: 404 })); const fetched = [];`,
		after: `
			const { verdict } = await sessions.read(visit.headers.get("cookie"));
			if (verdict !== "unverified" || !fetched.includes("https://storage.example/marks.head")) throw new Error(verdict + " " + fetched);`,
	}, {
		begins: "const sessions = reader(process.env.SESSION_READ_KEYS!);", where: "reader",
		after: `
			const { proxy, config } = module;
			const inside = await proxy(visit), outside = await proxy(new Request(visit.url));
			if (!inside.next || outside.headers.get("location") !== "https://app.example/login?next=%2Faccount") throw new Error("the wrong way: " + outside.headers.get("location"));
			if (!config.matcher.startsWith("/account/")) throw new Error(config.matcher);`,
	}, {
		begins: "let sessions; // one for all requests", where: "reader",
		before: `globalThis.fetch = async () => new Response("the application");`,
		after: `
			const ask = async (request) => (await module.default.fetch(request, { SESSION_READ_KEYS: process.env.SESSION_READ_KEYS })).text();
			const inside = await ask(visit), outside = await ask(new Request(visit.url));
			if (inside !== "Hello, ann!" || outside !== "the application") throw new Error(inside + ", " + outside);`,
	}, {
		begins: "const sessions = await reader(Deno.env.get(", where: "reader",
		types:  `declare const Deno: { env: { get(name: string): string | undefined }, serve(handler: (request: Request) => Response | Promise<Response>): unknown };`,
		before: `let serve; globalThis.Deno = { env: { get: (name) => process.env[name] }, serve: (handler) => { serve = handler; } };`,
		after: `
			const inside = await (await serve(visit)).text(), outside = await serve(new Request(visit.url));
			if (inside !== "Hello, ann!" || outside.headers.get("location") !== "https://app.example/login") throw new Error(inside);`,
	}, {
		begins: `self.addEventListener("fetch", (event) => {`,
		before: `
			let listen, me, stored = new Response("stored");
			globalThis.self = { addEventListener: (name, listener) => { listen = listener; } };
			globalThis.caches = { match: async () => stored?.clone(), delete: async () => { stored = null; } };
			globalThis.fetch = async (request) => {
				if (request === "/me") { if (me) return new Response(null, { status: me }); throw new Error("offline"); }
				return new Response("fresh");
			};`,
		after: `
			const ask = async (status) => {
				let answer = null;
				me = status;
				listen({ request: { mode: "navigate" }, respondWith: (r) => { answer = r; } });
				return (await answer).text();
			};
			const got = [await ask(200), await ask(0), await ask(401), await ask(0)].join();
			if (got !== "fresh,stored,fresh,fresh") throw new Error(got);`,
	}},
}

// nextServer is as much of Next.js as a proxy needs.
const nextServer = `
export type NextRequest = Request;
export declare class NextResponse extends Response {
	static next(): NextResponse;
	static redirect(url: URL): NextResponse;
}
`

// checkScript checks the types of JavaScript and TypeScript, and runs it, as its play says.
func checkScript(t *testing.T, blocks []block) {
	node := browser.Program(t, "node", "nodejs")
	for _, b := range blocks {
		t.Run(fmt.Sprint(b.line), func(t *testing.T) {
			rest := plays[b.page]
			i := slices.IndexFunc(rest, func(p play) bool { return strings.Contains("\n\n"+b.text, "\n\n"+p.begins) })
			if i < 0 {
				t.Fatalf("%s:%d: no play has this block", b.page, b.line)
			}
			p, dir := rest[i], t.TempDir()
			stage(t, p.where, dir)
			code := b.text
			if p.where != "" && p.types != "" || b.lang == "ts" {
				code = compile(t, dir, b, p.types)
			}
			write(t, filepath.Join(dir, "syntax.mjs"), code)
			if out, err := exec.Command(node, "--check", filepath.Join(dir, "syntax.mjs")).CombinedOutput(); err != nil {
				t.Fatalf("%s:%d: %s", b.page, b.line, out)
			}
			if p.after != "" {
				perform(t, node, dir, code, p)
			}
		})
	}
}

// TestPlaysHaveBlocks: no play is left of a block that has gone.
func TestPlaysHaveBlocks(t *testing.T) {
	for page, plays := range plays {
		var text string
		for _, b := range blocks(t, page) {
			text += "\n\n" + b.text
		}
		for _, p := range plays {
			if !strings.Contains(text, "\n\n"+p.begins) {
				t.Errorf("%s has no block that begins with %s", page, p.begins)
			}
		}
	}
}

// stage puts into a folder what the code imports.
func stage(t *testing.T, where, dir string) {
	t.Helper()
	link := func(from, to string) {
		t.Helper()
		abs, err := filepath.Abs(repository + "/" + from)
		if err != nil {
			t.Fatal(err)
		}
		mkdir(t, filepath.Dir(filepath.Join(dir, to)))
		if err := os.Symlink(abs, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	switch where {
	case "reader":
		link("js", "node_modules/@hardtack-go/reader")
		write(t, filepath.Join(dir, "node_modules/next/package.json"), `{"name":"next","type":"module","exports":{"./server":{"types":"./server.d.ts","default":"./server.js"}}}`)
		write(t, filepath.Join(dir, "node_modules/next/server.d.ts"), nextServer)
		write(t, filepath.Join(dir, "node_modules/next/server.js"),
			`export const NextResponse = { next: () => ({ next: true }), redirect: (url) => Response.redirect(url) };`)
	case "takeover":
		npmCI(t, "examples/takeover")
		link("examples/takeover/node_modules", "node_modules")
	}
}

// npmCI skips the test if the packages of a folder aren't installed.
func npmCI(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(repository + "/" + dir + "/node_modules"); err == nil {
		return
	}
	if os.Getenv("HARDTACK_CI") == "1" {
		t.Fatalf("%s/node_modules is missing, and HARDTACK_CI=1 says that it should be there", dir)
	}
	t.Skipf("%s/node_modules is missing: run npm ci --ignore-scripts in %s", dir, dir)
}

// compile has TypeScript check a block, and returns the JavaScript that it makes of it.
func compile(t *testing.T, dir string, b block, types string) string {
	t.Helper()
	npmCI(t, "examples")
	compiler, err := filepath.Abs(repository + "/examples/node_modules/.bin/tsc")
	if err != nil {
		t.Fatal(err)
	}
	// JavaScript is checked for what it calls, and not for what may be null.
	config := map[string]any{
		"compilerOptions": map[string]any{
			"target": "es2022", "module": "esnext", "moduleResolution": "bundler", "lib": []string{"es2023", "webworker", "webworker.iterable"},
			"types": []string{}, "allowJs": true, "checkJs": true, "strict": b.lang == "ts", "noEmitOnError": true, "outDir": "out",
			"rootDir": ".", "skipLibCheck": true,
			"paths": map[string]any{"npm:@hardtack-go/reader": []string{"./node_modules/@hardtack-go/reader/reader.d.ts"}},
		},
		"files": []string{"block." + b.lang, "around.ts", "process.d.ts"},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "package.json"), `{"type":"module"}`)
	write(t, filepath.Join(dir, "tsconfig.json"), string(text))
	write(t, filepath.Join(dir, "around.ts"), types)
	write(t, filepath.Join(dir, "process.d.ts"), "declare const process: { env: { [name: string]: string | undefined } };")
	code := b.text
	if !module.MatchString(code) {
		code += "export {};\n"
	}
	write(t, filepath.Join(dir, "block."+b.lang), code)
	cmd := exec.CommandContext(t.Context(), compiler, "-p", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s:%d: %v\n%s", b.page, b.line, err, out)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out/block.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var (
	module  = regexp.MustCompile(`(?m)^(import|export) `)
	exports = regexp.MustCompile(`(?m)^export `)
)

// perform runs a block between what is before and after it. It has the keys of a reader in
// its environment, and in visit a request with a session.
func perform(t *testing.T, node, dir, code string, p play) {
	t.Helper()
	ring := keyring.Generate()
	store, err := ssestore.New(ssestore.Config{Keys: ring, RenewVerified: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	pair := loggedIn(t, store)
	// An import stands at the beginning of its module, so a block that has exports is one of
	// its own, and the rest is around it.
	code = strings.ReplaceAll(code, "npm:@hardtack-go/", "@hardtack-go/")
	first := fmt.Sprintf("const visit = new Request('https://app.example/account', { headers: { cookie: %q } });\n%s\n", pair, p.before)
	if exports.MatchString(code) {
		write(t, filepath.Join(dir, "block.mjs"), code)
		code = "const module = await import('./block.mjs');\n"
	}
	write(t, filepath.Join(dir, "main.mjs"), first+code+p.after)
	cmd := exec.CommandContext(t.Context(), node, filepath.Join(dir, "main.mjs"))
	cmd.Env = append(os.Environ(), "SESSION_READ_KEYS="+readKeys(ring))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// readKeys are what "hardtack keys export --purpose seal,barrier,marks" prints.
func readKeys(ring *keyring.Keyring) string {
	var keys []string
	for _, key := range ring.Keys() {
		for _, label := range []keyring.Label{cookie.SealLabel(cookie.DefaultName, ""), {Purpose: "barrier", Name: cookie.DefaultName}, {Purpose: "marks"}} {
			keys = append(keys, string(key.ExportJWK(label)))
		}
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}
