// Says which sessions were ended before their time, by the snapshots of an application with
// https://github.com/hardtack-go/hardtack. docs/FORMAT.md there has the rules.

const DEFAULTS = { audience: "", fetch: () => null, every: 30, maxStale: 0, failClosed: false, max: 1000000, onError: () => {} };
const HEAD = "marks.head", HEADER = 46, MAC = 32, MAX_BYTES = 16 << 20;
const MAX_TIME = 253402300799; // the last second of the year 9999
const LEEWAY = 60, RETRY = 5; // seconds: by which clocks may differ, and after a fetch that failed
const SESSION = 1, LINK = 2, USER = 3, NAME = /^[\w-]{21}[AQgw]$/; // of a link: 16 bytes in base64url

const utf8 = new TextEncoder();
const bytes = (name) => Uint8Array.from(atob(name.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const refuse = (why) => { throw new TypeError(`hardtack marks: ${why}`); };
const check = (good) => { if (!good) throw 0; };
const prefixOf = ({ kid, shift }) => `marks.${kid}.${2 ** shift}.`;

// list reads n fingerprints that begin with base, and returns the byte after them, too.
function list(b, at, n, width, base) {
  const k = width - 32 + Math.clz32(n), end = 8 * (b.length - MAC);
  check(n * (k + 1) <= end - 8 * at); // before making room
  const all = new Float64Array(n);
  let bit = 8 * at;
  const bits = (count) => {
    check(bit + count <= end);
    let v = 0;
    for (let take; count > 0; count -= take, bit += take) {
      take = Math.min(count, 8 - (bit % 8));
      v = v * 2 ** take + ((b[bit >> 3] >> (8 - (bit % 8) - take)) & (2 ** take - 1));
    }
    return v;
  };
  for (let i = 0, next = 0; i < n; i++) {
    while (bits(1)) next += 2 ** k;
    next += bits(k);
    check(next < 2 ** width);
    all[i] = base + next++;
  }
  check(bits((8 - (bit % 8)) % 8) === 0);
  return [all, bit / 8];
}

// parse throws for any but the one spelling.
function parse(b, kid) {
  const v = new DataView(b.buffer, b.byteOffset), shift = b[11], index = v.getUint16(12), n = v.getUint32(14), m = v.getUint32(18);
  const sequence = v.getBigUint64(22), time = Number(v.getBigUint64(30)), before = Number(v.getBigUint64(38));
  check(shift <= 8 && time >= 1 && time <= MAX_TIME && before <= MAX_TIME && (index === 0xffff ? n + m === 0 : index < 2 ** shift));
  const [ended, next] = list(b, HEADER, n, 48 - shift, index * 2 ** (48 - shift));
  const [timed, at] = list(b, next, m, 48 - shift, index * 2 ** (48 - shift));
  const times = timed.map((_, i) => b[at + 5 * i] * 2 ** 32 + v.getUint32(at + 5 * i + 1));
  check(at + 5 * m === b.length - MAC && times.every((t) => t >= 1 && t <= MAX_TIME));
  return { name: index === 0xffff ? HEAD : prefixOf({ kid, shift }) + index, size: n + m, kid, shift, sequence, time, before, ended, timed, times };
}

// open is exported for tests.
export async function open(b, name, keys, now, floor, max) {
  const text = String.fromCharCode(...b.subarray(0, 11)), kid = text.slice(4), end = b.length - MAC;
  if (end < HEADER || !text.startsWith("HTM1")) return { verdict: "forged" };
  if (b.length > MAX_BYTES) return { verdict: "too-large" };
  if (!keys.has(kid)) return { verdict: "unknown-key" };
  if (!(await crypto.subtle.verify("HMAC", keys.get(kid), b.subarray(end), b.subarray(0, end)))) return { verdict: "forged" };
  let object;
  try { object = parse(b, kid); } catch { return { verdict: "malformed" }; }
  if (object.name !== name) return { verdict: "misplaced" };
  if (object.size > max) return { verdict: "too-large" };
  if (object.time > now + LEEWAY) return { verdict: "future" };
  return object.sequence < floor ? { verdict: "rollback" } : { verdict: "ok", object };
}

export async function marks(set, options) {
  const o = { ...DEFAULTS, ...options }, keys = new Map(), places = new Map(); // what was needed last is at the end of places
  for (const k in o) if (typeof o[k] !== typeof DEFAULTS[k] || typeof o[k] === "number" && !(o[k] >= (k === "maxStale" ? 0 : 1))) refuse(`option ${k}`);
  if (o.maxStale && o.maxStale <= o.every) refuse("maxStale must be longer than every");
  try { if (typeof set === "string") set = JSON.parse(set); } catch { set = null; } // the error would quote keys
  for (const k of Array.isArray(set?.keys) ? set.keys : refuse("keys must be a JWK Set")) {
    if (k?.purpose !== "marks" || k.audience !== o.audience || k.name !== "") continue;
    const imported = crypto.subtle.importKey("jwk", k, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    keys.set(k.kid, await imported.then((key) => (check(key.algorithm.length === 256), key)).catch(() => refuse("a key is wrong")));
  }
  if (!keys.size) refuse(`marks keys are missing for audience "${o.audience}": export them with --purpose seal,barrier,marks`);
  const stale = ({ time }, now) => o.maxStale && (now - time > o.maxStale || time - now > LEEWAY);
  let all = 0; // before this time, every session has ended

  async function renew(name, place, now) {
    const { verdict, object, error } = await (async () => open(new Uint8Array((await o.fetch(name)) ?? refuse("nothing there")), name, keys, now, place.floor, o.max))().catch((error) => ({ error }));
    place.next = now + (object ? o.every : Math.min(RETRY, o.every));
    if (!object || stale(object, now)) o.onError(object ? "stale" : verdict ?? "gone", name, error);
    if (!object) return;
    [place.object, place.floor, all] = [object, object.sequence, Math.max(all, object.before)];
    let room = o.max;
    for (const p of [...places.values()].reverse()) if (p.object?.size && (room -= p.object.size) < 0) Object.assign(p, { object: null, next: 0 });
  }
  // get returns what is under a name, fetched again if it's time. mine has what this request fetches.
  async function get(name, now, mine) {
    const place = places.get(name) ?? { next: 0, floor: 0n };
    places.delete(name), places.set(name, place);
    if (!mine[name] && (now >= place.next || now < place.next - o.every - LEEWAY)) {
      if (place.object && !stale(place.object, now)) place.next = now + 1; // others go on with it
      mine[name] = renew(name, place, now);
    }
    return (await mine[name], place.object);
  }
  async function judge(c, now) {
    const { sid, iat, auth, user, data: { "-act": act = { sub: null }, "-lnk": links = [] } } = c;
    if (!act || act.sub === undefined || act.sub === "" || !links?.every?.((l) => NAME.test(l))) return { verdict: "newer" };
    const ids = [user, act.sub].filter((id) => id !== null).map((id) => [USER, utf8.encode(id)]), mine = {};
    const head = await get(HEAD, now, mine), login = Math.min(iat, auth || iat); // LogoutOthers moves iat ahead
    let known = !!head, ended = false;
    const ends = (before, since) => { if (since < before) before > now + LEEWAY ? (known = false) : (ended = true); };
    const look = async ([kind, id]) => {
      const sum = new DataView(await crypto.subtle.sign("HMAC", keys.get(head.kid), Uint8Array.of(kind, ...id)));
      const print = sum.getUint16(0) * 2 ** 32 + sum.getUint32(2);
      const shard = await get(prefixOf(head) + Math.floor(print / 2 ** (48 - head.shift)), now, mine);
      if (!shard || stale(shard, now)) known = false;
      kind === SESSION ? (ended ||= !!shard?.ended.includes(print)) : ends(shard?.times[shard.timed.indexOf(print)], kind === LINK ? login : iat);
    };
    if (head) await Promise.all([[SESSION, utf8.encode(sid)], ...ids, ...links.map((l) => [LINK, bytes(l)])].map(look));
    ends(all, Math.min(iat, login + LEEWAY));
    return ended ? { verdict: "revoked" } : { verdict: known || !o.failClosed || !ids.length ? "ok" : "unverified", c };
  }
  return { judge };
}
