// A Worker that reads the session of its request n times with the reader in JavaScript.
import { reader } from "@hardtack-go/reader";

let sessions;

export default {
  async fetch(request, env) {
    sessions ??= reader(env.SESSION_READ_KEYS);
    const { read } = await sessions, cookie = request.headers.get("cookie");
    let session;
    for (let n = Number(new URL(request.url).searchParams.get("n")); n > 0; n--) ({ session } = await read(cookie));
    return new Response(session?.user);
  },
};
