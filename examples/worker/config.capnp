using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "marks", external = (address = "127.0.0.1:8788", http = ())), # asked if MARKS_MAX_STALE is set
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "worker")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "reactor.mjs", esModule = embed "reactor.mjs"),
    (name = "app.wasm", wasm = embed "app.wasm"),
  ],
  bindings = [
    (name = "SESSION_SECRET", fromEnvironment = "SESSION_SECRET"),
    (name = "SESSION_SECRETS_PREVIOUS", fromEnvironment = "SESSION_SECRETS_PREVIOUS"),
    (name = "SESSION_SECRET_NEXT", fromEnvironment = "SESSION_SECRET_NEXT"),
    (name = "PASSWORD", fromEnvironment = "PASSWORD"),
    (name = "MARKS_MAX_STALE", fromEnvironment = "MARKS_MAX_STALE"),
    (name = "MARKS", service = "marks"),
  ],
  compatibilityDate = "2026-11-01",
);
