// A Worker that reads nothing.
export default { fetch: () => new Response("ada") };
