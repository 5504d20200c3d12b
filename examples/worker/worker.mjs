import wasm from "app.wasm";
import { start } from "reactor.mjs";

let app; // Go can't start outside of a request

export default {
  async fetch(request, env) {
    const password = request.method === "POST" ? ((await request.formData().catch(() => null))?.get("password") ?? "") : "";
    if (password.length > 1000) return new Response("", { status: 413 }); // the reactor's memory only grows
    app ??= start(wasm, env, async (name) => { // a bucket would be env.BUCKET.get(name)
      const found = await env.MARKS.fetch(`http://marks/${name}`);
      return found.ok ? found.arrayBuffer() : null;
    });
    const oneLine = (s) => String(s ?? "").replaceAll("\n", " ");
    const [status, secret, location, body, ...cookies] = await (await app)([
      request.method, oneLine(new URL(request.url).pathname), Date.now(), oneLine(request.headers.get("sec-fetch-site")),
      oneLine(password), oneLine(request.headers.get("cookie")),
    ]);
    const headers = new Headers({ "content-type": "text/html; charset=utf-8", vary: "cookie" });
    if (secret) headers.set("cache-control", "private, no-store");
    if (location) headers.set("location", location);
    for (const cookie of cookies) headers.append("set-cookie", cookie);
    return new Response(body, { status: Number(status), headers });
  },
};
