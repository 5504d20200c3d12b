// An Express application with two sessions: that of cookie-session, and that of
// express-openid-connect as after a login at the provider. It prints its port, and ends with
// its input.
import express from "express";
import cookieSession from "cookie-session";
import appSession from "./node_modules/express-openid-connect/lib/appSession.js";

const [secret] = process.argv.slice(2);
const app = express();
app.use(cookieSession({ keys: [secret] }));
app.use(appSession({
  secret: [secret],
  session: {
    name: "appSession", rolling: true, rollingDuration: 86400, absoluteDuration: 7 * 86400,
    cookie: { httpOnly: true, sameSite: "Lax" },
  },
}));
app.get("/login", (req, res) => {
  const claims = Buffer.from(JSON.stringify({ sub: "ann", colour: "teal" })).toString("base64url");
  Object.assign(req.session, { userId: "ann", colour: "teal", cart: ["tea"] });
  Object.assign(req.appSession, { id_token: `e30.${claims}.sig`, access_token: "token".repeat(1200) });
  res.end("ok");
});
app.get("/session", (req, res) => res.json({ session: req.session, appSession: req.appSession }));
app.get(["/", "/a", "/b", "/c"], (req, res) => {
  const { userId, colour } = req.session;
  res.end(userId ? `express: ${userId} ${colour}` : "express: nobody");
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
