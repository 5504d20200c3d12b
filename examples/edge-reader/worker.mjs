import { reader } from "@hardtack-go/reader";

let sessions; // one reader for all requests

export default {
  async fetch(request, env) {
    sessions ??= reader(env.SESSION_READ_KEYS);
    const { session } = await (await sessions).read(request.headers.get("cookie"));
    const page = new URL(request.url).pathname === "/hello";
    if (!page || !session?.within(600)) return env.ORIGIN.fetch(request, { redirect: "manual" }); // let the origin decide
    return new Response(`Hello, ${session.user}, from the edge!\n`, { headers: { "cache-control": "private", vary: "cookie" } });
  },
};
