// start runs the reactor with what Go asks of WASI (preview 1): arguments, environment,
// clocks, random numbers, and a place for panics. It returns a function from the lines of
// a request to those of the answer; main.go says what they are. fetchObject gets an object
// of a snapshot by its name, or null.
export async function start(wasm, env, fetchObject) {
  const variables = Object.entries(env).filter(([, v]) => typeof v === "string").map(([k, v]) => `${k}=${v}\0`);
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  let memory;
  const view = () => new DataView(memory.buffer), bytes = (at, n) => new Uint8Array(memory.buffer, at, n);
  const strings = (list) => ({
    sizes: (count, size) => (view().setUint32(count, list.length, true), view().setUint32(size, list.reduce((n, s) => n + encoder.encode(s).length, 0), true), 0),
    get: (pointers, at) => (list.forEach((s, i) => {
      const b = encoder.encode(s);
      view().setUint32(pointers + 4 * i, at, true);
      bytes(at, b.length).set(b);
      at += b.length;
    }), 0),
  });
  const args = strings(["worker\0"]), environ = strings(variables);
  const wasi = {
    args_sizes_get: args.sizes, args_get: args.get, environ_sizes_get: environ.sizes, environ_get: environ.get,
    clock_time_get: (_id, _precision, at) => (view().setBigUint64(at, BigInt(Date.now()) * 1000000n, true), 0),
    random_get: (at, n) => {
      for (let i = 0; i < n; i += 65536) crypto.getRandomValues(bytes(at + i, Math.min(65536, n - i)));
      return 0;
    },
    fd_write: (fd, list, count, written) => {
      let text = "", n = 0;
      for (let i = 0; i < count; i++) {
        const at = view().getUint32(list + 8 * i, true), length = view().getUint32(list + 8 * i + 4, true);
        text += decoder.decode(bytes(at, length));
        n += length;
      }
      console.error(text);
      view().setUint32(written, n, true);
      return 0;
    },
    fd_prestat_get: () => 8, // no files
    proc_exit: (code) => { throw new Error(`exit ${code}`); },
    sched_yield: () => 0,
  };
  const imports = new Proxy(wasi, { get: (t, name) => t[name] ?? (() => 52) }); // not implemented
  const { exports } = await WebAssembly.instantiate(wasm, { wasi_snapshot_preview1: imports });
  memory = exports.memory;
  exports._initialize();
  const ask = (request) => {
    bytes(exports.reserve(request.length), request.length).set(request);
    const answer = exports.handle();
    return decoder.decode(bytes(Number(answer >> 32n), Number(answer & 0xffffffffn))).split("\n");
  };
  const put = (name, object) => {
    bytes(exports.reserve(name.length + object.length), name.length + object.length).set([...encoder.encode(name), ...object]);
    exports.put(name.length);
  };
  return async (lines) => {
    const request = encoder.encode(lines.join("\n"));
    let answer = ask(request);
    for (; answer[0] === "fetch"; answer = ask(request)) {
      const objects = await Promise.all(answer.slice(1).map(async (name) => [name, await fetchObject(name).catch(() => null)]));
      for (const [name, object] of objects) put(name, new Uint8Array(object ?? 0));
    }
    return answer;
  };
}
