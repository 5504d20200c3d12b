// What isn't counted: the page, and the comparison of a password.
import { timingSafeEqual } from "node:crypto";

export function greet(user) {
  return `<!doctype html>Hello, ${user.name}! <a href="/auth/signout">Log out</a>`;
}

// check compares a password, which stands for its hash here.
export function check(user, password) {
  const [a, b] = [Buffer.from(String(password)), Buffer.from(user.hash)];
  return a.length === b.length && timingSafeEqual(a, b);
}
