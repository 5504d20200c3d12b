using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "origin", external = (address = "127.0.0.1:8080", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "edge")],
);

const edge :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "@hardtack-go/reader", esModule = embed "../../js/reader.js"),
    (name = "@hardtack-go/reader/marks", esModule = embed "../../js/marks.js"),
  ],
  bindings = [
    (name = "SESSION_READ_KEYS", fromEnvironment = "SESSION_READ_KEYS"),
    (name = "ORIGIN", service = "origin"),
  ],
  compatibilityDate = "2026-11-01",
);
