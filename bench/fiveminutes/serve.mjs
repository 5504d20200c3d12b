// Serves the application over Auth.js as if TLS ended here, and prints its port. A line of
// input moves the clock ("sleep 60") or changes the password ("password …"), and is answered
// with "done". The end of the input is the end of the program.
import { createServer } from "node:http";
import { createInterface } from "node:readline";

let moved = 0;
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...arguments_) {
    super(...(arguments_.length ? arguments_ : [Real.now() + moved]));
  }
  static now() {
    return Real.now() + moved;
  }
};
const { application } = await import("./authjs.mjs");

const ada = { name: "ada", hash: process.argv[2] };
const server = createServer(application(ada));
server.on("connection", (socket) => (socket.encrypted = true));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, word] = line.split(" ");
  if (verb === "sleep") moved += Number(word) * 1000;
  else ada.hash = word;
  console.log("done");
}
process.exit(0);
