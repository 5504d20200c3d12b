import { reader } from "@hardtack-go/reader";
import { marks } from "@hardtack-go/reader/marks";

let sessions; // one reader for all requests

// make makes a reader that refuses sessions which were ended before their time. The origin
// publishes every ten seconds; a bucket would be env.BUCKET.get(name).
async function make(env) {
  const fetch = async (name) => {
    const found = await env.ORIGIN.fetch(`http://origin/snapshot/${name}`);
    return found.ok ? found.arrayBuffer() : null;
  };
  const onError = (fault, name) => console.error(`snapshot: ${name} is ${fault}`);
  return reader(env.SESSION_READ_KEYS, { marks: await marks(env.SESSION_READ_KEYS, { fetch, onError, maxStale: 120, failClosed: true }) });
}

export default {
  async fetch(request, env) {
    sessions ??= make(env);
    const { session } = await (await sessions).read(request.headers.get("cookie"));
    const page = new URL(request.url).pathname === "/hello";
    if (!page || !session?.within(600)) return env.ORIGIN.fetch(request, { redirect: "manual" }); // let the origin decide
    return new Response(`Hello, ${session.user}, from the edge!\n`, { headers: { "cache-control": "private", vary: "cookie" } });
  },
};
