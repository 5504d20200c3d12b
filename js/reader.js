// Reads session cookies of https://github.com/hardtack-go/hardtack and never writes one.
// docs/FORMAT.md there has the rules.

const DEFAULTS = {
  name: "__Host-session", audience: "", former: [], marks: null,
  idle: 1800, absolute: 43200, persistentIdle: 1209600, persistentAbsolute: 2592000, // seconds
};
const MAX_TOKEN = 4096;
const MAX_VALUES = 8; // more waste time
const MAX_ENDED = 6; // entries of a barrier
const MAX_TIME = 253402300799; // the last second of the year 9999
const LEEWAY = 60; // by which the clocks of a fleet may differ

// Of several verdicts, the last one counts. "newer" is malformed, but authentic.
const RANK = ["malformed", "bad-tag", "expired", "ended", "revoked", "foreign", "newer", "future", "unknown-key", "unverified"];

// One spelling of base64url and of claims; atob and JSON.parse take more.
const B64 = "(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?";
const BYTES5 = "[\\w-]{6}[AEIMQUYcgkosw048]";
const BYTES16 = "[\\w-]{21}[AQgw]";
const BYTES32 = "[\\w-]{42}[AEIMQUYcgkosw048]";
const TIME = "([1-9]\\d{0,11})";

const PREFIX = btoa('{"alg":"dir","enc":"A256GCM","kid":"');
const KID = RegExp(`^(${BYTES5})"}$`);
const BODY = RegExp(`^\\.\\.([\\w-]{16})\\.(${B64})\\.(${BYTES16})$`);
const ENTRY = RegExp(`^(${BYTES5})(\\d{10})(${BYTES16})$`);
const CLAIMS = RegExp(
  `^\\{"sid":"(${BYTES16})","iat":${TIME}(?:,"auth_time":${TIME})?,"exp":${TIME},"rnw":${TIME}(,"per":true)?` +
    `(?:,"end":${TIME})?(?:,"sub":"((?:[^"\\\\\\p{Cc}]|\\\\["\\\\])+)"(?:,"stk":"${BYTES5}","stp":"${BYTES32}")?)?` +
    `(?:,"d":(\\{".{4,}\\}))?\\}$`,
  "su",
);

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decode = (text) => (RegExp(`^${B64}$`).test(text) ? atob(text.replaceAll("-", "+").replaceAll("_", "/")) : "");
const bytes = (binary) => new Uint8Array(binary.length).map((_, i) => binary.charCodeAt(i)); // from() is slow
const refuse = (why) => { throw new TypeError(`hardtack reader: ${why}`); };

function find(lines, name) {
  const values = new Set();
  const blank = (c) => c === " " || c === "\t";
  for (const pair of lines.flatMap((line) => line.split(";"))) { // and never at a comma
    let start = 0, end = pair.length;
    while (blank(pair[start])) start++;
    while (end > start && blank(pair[end - 1])) end--;
    if (pair.startsWith(`${name}=`, start)) values.add(pair.slice(start + name.length + 1, end));
    if (values.size > MAX_VALUES) break;
  }
  return [...values];
}

// open is exported for tests. It judges nothing in the token.
export async function open(value, keys) {
  const kid = value.length <= MAX_TOKEN && value.startsWith(PREFIX) && KID.exec(decode(value.slice(48, 60)))?.[1];
  if (!kid) return { verdict: "foreign" };
  if (!keys.has(kid)) return { verdict: "unknown-key" };
  const [, iv, ciphertext, tag] = BODY.exec(value.slice(60)) ?? [];
  if (!iv) return { verdict: "malformed" };
  const how = { name: "AES-GCM", iv: bytes(decode(iv)), additionalData: utf8.encode(value.slice(0, 60)) };
  const plaintext = await crypto.subtle.decrypt(how, keys.get(kid), bytes(decode(ciphertext) + decode(tag))).catch(() => null);
  return plaintext ? { verdict: "ok", kid, plaintext } : { verdict: "bad-tag" };
}

// parse throws for any but the one spelling.
function parse(plaintext) {
  const [, sid, iat, auth = 0, exp, rnw, per, end = MAX_TIME, sub, d = "{}"] = CLAIMS.exec(strict.decode(plaintext));
  const c = { sid, iat: +iat, auth: +auth, exp: +exp, rnw: +rnw, per: !!per, end: +end, data: JSON.parse(d) };
  if (Math.max(c.iat, c.auth, c.exp, c.rnw, c.end) > MAX_TIME || !sub !== !auth || utf8.encode(sub).length > 255) throw 0;
  return { ...c, user: sub ? JSON.parse(`"${sub}"`) : null };
}

function sessionOf(c, now) {
  const actor = "-act" in c.data ? c.data["-act"]?.sub || "" : null; // "": somebody who can't be read
  const user = actor === "" ? null : c.user;
  const data = Object.fromEntries(Object.entries(c.data).filter(([name]) => name[0] !== "-"));
  const within = (seconds) => user !== null && now - c.rnw <= seconds;
  return { user, actor, created: c.iat, authTime: c.auth || null, renewed: c.rnw, expires: c.end, persistent: c.per, data, within };
}

// load adds its keys to a place.
async function load(place, set, audience) {
  const [seal, barrier] = [new Map(), new Map()];
  for (const k of set.filter((k) => k.audience === audience && k.name === place.name)) {
    const imported = (how, usage) => crypto.subtle.importKey("jwk", k, how, false, [usage]).catch(() => refuse("a key is wrong"));
    const add = async (keys, ...how) => keys.set(k.kid, await imported(...how));
    if (k.purpose === "seal") await add(seal, "AES-GCM", "decrypt");
    if (k.purpose === "barrier") await add(barrier, { name: "HMAC", hash: "SHA-256" }, "sign");
  }
  if (!seal.size || ![...seal.keys()].every((kid) => barrier.has(kid))) refuse(`seal or barrier keys are missing for cookie "${place.name}", audience "${audience}"`);
  return { ...place, seal, barrier };
}

export async function reader(keys, options) {
  const o = { ...DEFAULTS, ...options };
  for (const k in o) if (typeof o[k] !== typeof DEFAULTS[k] || typeof o[k] === "number" && !(o[k] >= 1)) refuse(`option ${k}`);
  try { if (typeof keys === "string") keys = JSON.parse(keys); } catch { keys = null; } // the error would quote them
  if (!Array.isArray(keys?.keys)) refuse("keys must be a JWK Set");
  const places = await Promise.all([{ name: o.name, until: Infinity }, ...o.former].map((p) => load(p, keys.keys, o.audience)));

  async function read(cookie, now = Date.now() / 1000) {
    now = Math.floor(now);
    if (!(now > 0 && now <= MAX_TIME)) return { verdict: "none", session: null };
    const lines = [cookie ?? []].flat();
    const [current, ...former] = places.filter((p) => now < p.until);
    const live = [current, ...former.filter((p) => p.name !== o.name)];
    const entries = live.flatMap((p) => find(lines, `${p.name}-ended`)).flatMap((v) => v.split(".", MAX_ENDED));

    async function ended(sid) {
      for (const [, kid, until, mac] of entries.map((e) => ENTRY.exec(e) ?? [])) {
        for (const key of live.map((p) => until > now && p.barrier.get(kid)).filter(Boolean)) {
          const sum = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(`\0\0\0\x16${sid}\0\0\0\x0a${until}`)));
          if (!bytes(decode(mac)).reduce((differ, b, i) => differ | (b ^ sum[i]), 0)) return true; // in constant time
        }
      }
      return false;
    }
    async function judge(value, place) {
      const { verdict, plaintext } = await open(value, place.seal);
      if (!plaintext) return { verdict };
      let c;
      try { c = parse(plaintext); } catch { return { verdict: "newer" }; }
      if (Math.max(c.iat, c.auth, c.rnw) > now + LEEWAY) return { verdict: "future" };
      c.end = Math.min(c.exp, c.end, Math.min(c.iat, c.auth || c.iat) + (c.per ? o.persistentAbsolute : o.absolute));
      if (now >= c.end || now - c.rnw > (c.per ? o.persistentIdle : o.idle)) return { verdict: "expired" };
      return (await ended(c.sid)) ? { verdict: "ended" } : o.marks ? o.marks.judge(c, now) : { verdict, c };
    }

    let verdict = "none";
    for (const place of live) {
      const found = await Promise.all(find(lines, place.name).map((v) => judge(v, place)));
      const ours = found.some((f) => f.verdict !== "foreign");
      if (place === current && found.length) verdict = "foreign";
      if (!ours && (place !== current || found.length <= MAX_VALUES)) continue;
      const good = found.flatMap((f) => f.c ?? []);
      // After a change of Domain or Path, one session may be in two places.
      const one = place === current && former.some((p) => p.name === o.name) && good.every((c) => c.sid === good[0].sid);
      if (found.length > MAX_VALUES || good.length > 1 && !one) return { verdict: "ambiguous", session: null };
      if (good.length && !found.some((f) => f.verdict === "unverified")) return { verdict: "ok", session: sessionOf(good.reduce((a, b) => (b.rnw < a.rnw ? a : b)), now) };
      verdict = found.map((f) => f.verdict).reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a));
      return { verdict: verdict === "newer" ? "malformed" : verdict, session: null };
    }
    return { verdict, session: null };
  }
  return { read };
}
