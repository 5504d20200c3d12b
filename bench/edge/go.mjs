// A Worker that has the Go reactor answer its request n times.
import wasm from "app.wasm";
import { start } from "reactor.mjs";

let app;

export default {
  async fetch(request, env) {
    app ??= start(wasm, env);
    const answer = await app, cookie = request.headers.get("cookie");
    let page;
    for (let n = Number(new URL(request.url).searchParams.get("n")); n > 0; n--) [, , , page] = await answer(["GET", "/", Date.now(), "", "", cookie]);
    return new Response(page);
  },
};
