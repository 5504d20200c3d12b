// A second reader of tickets, written from docs/FORMAT.md, for the test that gives it
// the vectors. The vectors come as JSON on the standard input, as a list of
// { ring, vector }; the verdicts go out in the same order.
import { createHash, hkdfSync, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { open } from "../../js/reader.js";

const lp = (...parts) => Buffer.concat(parts.flatMap((part) => {
  const bytes = Buffer.from(part, "utf8"), length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}));

const CLAIMS = /^\{"iat":([1-9][0-9]{0,11}),"exp":([1-9][0-9]{0,11})(?:,"bnd":"([A-Za-z0-9_-]{22})")?,"d":([^]+)\}$/;
const LAST = 253402300799;

async function verdict(ring, { purpose, audience, life, now, bound, token }) {
  // The header names the key. With the wrong one, open says unknown-key.
  const kid = Buffer.from(token.slice(48, 60), "base64url").toString("latin1").slice(0, 7);
  const { kid: id, root_hex: root } = ring.find((key) => key.kid === kid) ?? ring[0];
  const subkey = hkdfSync("sha256", Buffer.from(root, "hex"), "", lp("hardtack/v1", "ticket", audience, purpose), 32);
  const key = await crypto.subtle.importKey("raw", subkey, "AES-GCM", false, ["decrypt"]);
  const opened = await open(token, new Map([[id, key]]));
  if (!opened.plaintext) return opened.verdict;

  const match = CLAIMS.exec(Buffer.from(opened.plaintext).toString("utf8"));
  if (!match) return "malformed";
  const [, iat, exp, bnd, d] = match;
  const digest = bnd && Buffer.from(bnd, "base64url");
  if (+iat > LAST || +exp > LAST || bnd && digest.toString("base64url") !== bnd || d.trim() !== d) return "malformed";
  if (+iat > now + 60) return "future";
  if (now >= Math.min(+exp, +iat + life)) return "expired";
  let value;
  try {
    value = JSON.parse(d);
  } catch {
    return "malformed";
  }
  if ((bnd !== undefined) !== (bound !== null)) return "unbound";
  if (bound !== null) {
    const sum = createHash("sha256").update(lp(...bound)).digest().subarray(0, 16);
    if (bound.length === 0 || !timingSafeEqual(sum, digest)) return "stamp-mismatch";
  }
  return "accepted " + JSON.stringify(value);
}

const results = [];
for (const { ring, vector } of JSON.parse(readFileSync(0))) results.push(await verdict(ring, vector));
console.log(JSON.stringify(results));
