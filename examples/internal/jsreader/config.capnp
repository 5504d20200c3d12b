using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .drive)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const drive :Workerd.Worker = (
  modules = [
    (name = "drive.mjs", esModule = embed "drive.mjs"),
    (name = "@hardtack-go/reader", esModule = embed "../../../js/reader.js"),
    (name = "@hardtack-go/reader/marks", esModule = embed "../../../js/marks.js"),
  ],
  compatibilityDate = "2026-11-01",
);
