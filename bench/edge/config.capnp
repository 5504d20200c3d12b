using Workerd = import "/workerd/workerd.capnp";

# workerd is told which of these to serve. What begins with / is in the folder that it is
# given to import from, because the benchmark builds it.

const empty :Workerd.Config = (
  services = [(name = "worker", worker = (
    modules = [(name = "empty.mjs", esModule = embed "empty.mjs")],
    compatibilityDate = "2026-11-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);

const javascript :Workerd.Config = (
  services = [(name = "worker", worker = (
    modules = [
      (name = "javascript.mjs", esModule = embed "javascript.mjs"),
      (name = "@hardtack-go/reader", esModule = embed "../../js/reader.js"),
    ],
    bindings = [(name = "SESSION_READ_KEYS", fromEnvironment = "SESSION_READ_KEYS")],
    compatibilityDate = "2026-11-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);

const reactor :Workerd.Config = (
  services = [(name = "worker", worker = (
    modules = [
      (name = "go.mjs", esModule = embed "go.mjs"),
      (name = "reactor.mjs", esModule = embed "../../examples/worker/reactor.mjs"),
      (name = "app.wasm", wasm = embed "/app.wasm"),
    ],
    bindings = [
      (name = "SESSION_SECRET", fromEnvironment = "SESSION_SECRET"),
      (name = "PASSWORD", fromEnvironment = "PASSWORD"),
    ],
    compatibilityDate = "2026-11-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
