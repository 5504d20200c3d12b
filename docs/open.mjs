// Opens a hardtack session cookie with an exported key, using node:crypto alone.
// The format is described in FORMAT.md.
//
//   node open.mjs KEY [TOKEN]
//
// KEY is the JWK of the derived seal key (keyring.Key.ExportJWK with
// cookie.SealLabel), as text or as the name of a file. Without TOKEN the token
// is read from the standard input, which keeps it out of the process list.
//
// Prints the plaintext. Prints one word, the verdict, to the standard error and
// ends with status 1 if the token does not open. Times in the claims (exp, end,
// rnw) are not judged here; a service must judge them. Nor is the second cookie,
// which says that the session was logged out: that takes the barrier key, and
// FORMAT.md ("Ended sessions") says how.
//
// The key is symmetric: whoever holds it can also make cookies.
//
// As a module it exports open(jwk, token), which returns a Buffer or throws an
// Error whose message is the verdict.
import { createDecipheriv } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PREFIX = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoi"; // {"alg":"dir","enc":"A256GCM","kid":"

class Refused extends Error {}
const refuse = (verdict) => { throw new Refused(verdict); };

// Buffer.from skips what it does not know, so compare what comes back.
function decode(text, verdict) {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : refuse(verdict);
}

export function open(jwk, token) {
  if (token.length > 4096 || !token.startsWith(PREFIX)) refuse("foreign");
  const header = token.slice(0, 60);
  const tail = decode(header.slice(48), "foreign").toString("latin1");
  const kid = tail.slice(0, 7);
  if (header.length !== 60 || tail.slice(7) !== '"}' || decode(kid, "foreign").length !== 5) refuse("foreign");
  if (kid !== jwk.kid) refuse("unknown-key");

  const parts = token.split(".");
  if (parts.length !== 5 || parts[0] !== header || parts[1] !== "") refuse("malformed");
  const [iv, ciphertext, tag] = parts.slice(2).map((part) => decode(part, "malformed"));
  if (iv.length !== 12 || tag.length !== 16) refuse("malformed");

  const key = decode(jwk.k, "bad-tag");
  const cipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(header, "latin1"));
  cipher.setAuthTag(tag);
  const plaintext = cipher.update(ciphertext);
  try {
    cipher.final();
  } catch {
    refuse("bad-tag");
  }
  return plaintext;
}

function main([keyArgument, tokenArgument]) {
  if (keyArgument === undefined) {
    console.error("usage: node open.mjs KEY [TOKEN]");
    process.exitCode = 2;
    return;
  }
  const jwk = JSON.parse(keyArgument.trimStart().startsWith("{") ? keyArgument : readFileSync(keyArgument, "utf8"));
  const token = tokenArgument ?? readFileSync(0, "utf8").replace(/\n$/, "");
  try {
    process.stdout.write(open(jwk, token));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
