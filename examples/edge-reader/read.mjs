// Prints what a session cookie says: node read.mjs KEYS < COOKIE
// KEYS is a file with a JWK Set, COOKIE the value of a cookie called __Host-session.
import { readFileSync } from "node:fs";
import { reader } from "../../js/reader.js";

const sessions = await reader(readFileSync(process.argv[2], "utf8"));
const { verdict, session } = await sessions.read(`__Host-session=${readFileSync(0, "utf8").trim()}`);
console.log(JSON.stringify({ verdict, session }));
