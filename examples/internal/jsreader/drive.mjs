// What the tests have a runtime do: tasks go in, results come out.
import { open, reader } from "@hardtack-go/reader";
import { marks, open as openObject } from "@hardtack-go/reader/marks";

// mutants changes a token in every way that comes to mind. None of the characters is one
// that a Cookie header drops, such as a space, so that each mutant is another value.
async function mutants({ keys, name, token, count, now }) {
  const sessions = await reader(keys, { name });
  const alphabet = "ABCabc019-_.+/=~%\"\\,{}\u0000\u0080é🍪";
  let state = 1;
  const random = (n) => (state = (state * 48271) % 2147483647) % n; // Lehmer: the same in each run
  const result = { verdicts: {}, accepted: [], thrown: [] };
  for (let i = 0; i < count; i++) {
    const at = random(token.length + 1);
    const to = at + random(token.length + 1 - at);
    const c = [...alphabet][random([...alphabet].length)];
    const mutant = [
      () => token.slice(0, at) + c + token.slice(at + 1),
      () => token.slice(0, at) + c + token.slice(at),
      () => token.slice(0, at) + token.slice(at + 1),
      () => token.slice(0, at) + token.slice(to),
      () => token.slice(0, to) + token.slice(at),
      () => token.slice(at, to),
      () => token.slice(0, at) + String.fromCharCode(token.charCodeAt(at) ^ (1 << random(7))) + token.slice(at + 1),
      () => token.split(".").map((part, n) => (n === i % 5 ? part + c : part)).join("."),
    ][i % 8]();
    if (mutant === token || /[ \t;]/.test(mutant)) continue;
    try {
      const { verdict, session } = await sessions.read(`${name}=${mutant}`, now);
      result.verdicts[verdict] = (result.verdicts[verdict] ?? 0) + 1;
      if (verdict === "ok" || session) result.accepted.push(mutant);
    } catch (error) {
      result.thrown.push(String(error));
    }
  }
  return result;
}

const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (b) => parseInt(b, 16));
const importMarks = async (k) => [k.kid, await crypto.subtle.importKey("jwk", k, { name: "HMAC", hash: "SHA-256" }, false, ["verify"])];

const importSeal = async (k) => [k.kid, await crypto.subtle.importKey("jwk", k, "AES-GCM", false, ["decrypt"])];

const does = {
  mutants,
  async open({ keys, token }) {
    const { verdict, kid, plaintext } = await open(token, new Map(await Promise.all(keys.keys.map(importSeal))));
    return { verdict, kid, plaintext: plaintext && [...new Uint8Array(plaintext)].map((b) => b.toString(16).padStart(2, "0")).join("") };
  },
  async read({ keys, options, cookie, now, within }, cache) {
    const id = JSON.stringify([keys, options]);
    const { verdict, session } = await (await (cache[id] ??= reader(keys, options))).read(cookie, now);
    return { verdict, session, within: within && session ? session.within(within) : false };
  },
  async object({ keys, name, before, object, now }) { // in hexadecimal
    const imported = new Map(await Promise.all(keys.keys.map(importMarks)));
    const one = (text, floor) => openObject(unhex(text), name, imported, now, floor, 1e6);
    const floor = before ? (await one(before, 0n)).object.sequence : 0n;
    const { verdict, object: o } = await one(object, floor);
    return { verdict, content: o && { sequence: String(o.sequence), time: o.time, all: o.before, ended: [...o.ended], timed: [...o.timed].map((p, i) => [p, o.times[i]]) } };
  },
  // marks judges by turns: each sets what the bucket has, and asks.
  async marks({ keys, options, turns }) {
    let bucket, fetched = 0;
    const faults = [];
    const fetch = async (name) => {
      fetched++;
      if (bucket[name] === "throw") throw new Error("down");
      return bucket[name] === undefined ? null : unhex(bucket[name]);
    };
    const m = await marks(keys, { ...options, fetch, onError: (fault, name, error) => faults.push(`${fault} ${name}${error ? ` ${error.message}` : ""}`) });
    const results = [];
    for (const turn of turns) {
      bucket = turn.bucket ?? bucket;
      const found = await Promise.all(turn.sessions.map((s) => m.judge({ sid: s.sid, iat: s.iat, auth: s.auth_time ?? 0, user: s.user ?? null, data: s.data }, turn.now)));
      results.push({ verdicts: found.map((f) => f.verdict), fetched, faults: [...faults] });
      [fetched, faults.length] = [0, 0];
    }
    return { verdict: "ok", turns: results };
  },
  async makeMarks({ keys, options }) {
    return marks(keys, options).then(() => ({ verdict: "made" }), (error) => ({ verdict: String(error) }));
  },
  async make({ keys, options }) {
    return reader(keys, options).then(() => ({ verdict: "made" }), (error) => ({ verdict: String(error) }));
  },
  async mac({ jwk, input }) { // input in hexadecimal
    const key = await crypto.subtle.importKey("jwk", jwk, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const sum = await crypto.subtle.sign("HMAC", key, Uint8Array.from(input.match(/../g), (b) => parseInt(b, 16)));
    return { verdict: btoa(String.fromCharCode(...new Uint8Array(sum).slice(0, 16))) };
  },
};

export async function run(tasks) {
  const results = [], cache = {};
  for (const task of tasks) results.push(await does[task.do](task, cache));
  return results;
}

export default { fetch: async (request) => Response.json(await run(await request.json())) };
