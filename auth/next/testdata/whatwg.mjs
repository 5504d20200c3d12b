// Writes whatwg.json: where the URL parser of a JavaScript runtime (which
// follows the WHATWG standard) goes for targets built from awkward pieces.
// Run: node whatwg.mjs > whatwg.json
const bases = ["http://testserver", "https://testserver"];
const fixed = [
  "/view/", "view/", "?x=1", "#f", "", ".", "..", "//", "/\\", "\\", "///", "////testserver",
  "http:", "http:/", "http://", "http:///", "https:testserver", "http:testserver/x", "http:999999999", "ftp:9999999999",
  "http:///example.com", "http:/\\//example.com", "http:\\\\testserver\\@example.com", "http://testserver\\@example.com",
  "http://testserver\\me:pass@example.com", "http://otherserver\\@example.com", "/\\/example.com", "\\//example.com",
  "java\nscript:alert(1)", "\njavascript:alert(1)", "\b//example.com", " //example.com", "/\t/example.com", "\t/\n/example.com",
  "http://[2001:cdba:0000:0000:0000:0000:3257:9652/", "http://2001:cdba:0000:0000:0000:0000:3257:9652]/",
  "//testserver:80/", "//testserver:443/", "//testserver:/", "//testserver:0080/", "//testserver:99999/", "//testserver:8x/",
  "//TESTSERVER/", "//test%73erver/", "//testserver%00/", "//testserver%2f@evil/", "//testserver%40evil/", "//@testserver/", "//:@testserver/",
  "//u@testserver", "//u:p@testserver", "//testserver@evil", "//testserver:80@evil", "//a@b@c", "//0x7f.1/", "//2130706433/", "//1.2.3.4.5/", "//256.1/", "//1.256/",
  "//1.2.3./", "//example.com./", "path/http:2222222222", "1http://evil/", "h-t+t.p://evil/", ":x", ":80/x", "x:y", "http+x://evil",
  "data:text/html,x", "blob:http://testserver/x", "file:///etc/passwd", "file:x", "ws://evil/", "ftp://evil/", "mailto:a@b", "view-source:http://x",
  "/.//evil", "/..//evil", "/%2e%2e//evil", "/x/..//evil", "/%09/evil", "/%5cevil", "%2f%2fevil", "/;//evil", "/?//evil", "/#//evil",
  "?\\\\evil", "#\\\\evil", "http://testserver?\\@evil", "http://testserver#\\@evil", "http://testserver;evil/", "//testserver;evil/", "//testserver evil/", "//testserver<evil/",
];
const pieces = ["/", "\\", "//", ":", "@", "http", "HTTPS", "https:", "http:", "testserver", "evil", ".", "\t", "\n", " ", "\u0001", "?", "#", "80", "x", "%2f", "javascript:"];
let seed = 1;
const draw = (n) => (seed = (seed * 48271) % 2147483647) % n;
while (fixed.length < 400) {
  let s = "";
  for (let i = 2 + draw(5); i > 0; i--) s += pieces[draw(pieces.length)];
  fixed.push(s);
}
const rows = [];
for (const Base of bases)
  for (const Input of fixed) {
    const row = { Base, Input };
    try {
      const u = new URL(Input, Base);
      row.Scheme = u.protocol.slice(0, -1);
      if (["http", "https", "ws", "wss", "ftp"].includes(row.Scheme)) row.Host = u.host;
      if (u.username + u.password !== "") row.Creds = true;
    } catch {
      row.Failure = true;
    }
    rows.push(row);
  }
console.log("[\n" + rows.map((r) => JSON.stringify(r)).join(",\n") + "\n]");
