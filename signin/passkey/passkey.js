// Logs in with passkeys and adds them, for the forms of a page that have data-passkey.
// Package signin/passkey describes the attributes.

const fresh = 4 * 60_000 // a server takes the answer to a challenge for five minutes

const texts = {
  cancelled: "No passkey was used.",
  exists: "This device has a passkey for this account already.",
  network: "The server can’t be reached. Try again.",
  browser: "This browser couldn’t use the passkey.",
  down: "We can’t do this right now. Try again in a minute.",
}


// A Problem is the server's: a word for the program, and a text for the user.
class Problem extends Error {
  constructor(code, text) {
    super(text)
    this.code = code
  }
}

function wordOf(error) {
  if (error instanceof Problem) return error.code
  const words = { NotAllowedError: "cancelled", AbortError: "stopped", InvalidStateError: "exists" }
  return words[error.name] ?? "browser"
}

// Only one ceremony can wait at a time: a browser refuses a second one.
let controller
let running = Promise.resolve()

function alone(ceremony) {
  controller?.abort()
  const mine = (controller = new AbortController())
  // Some password managers never let go of a ceremony that was stopped.
  const over = Promise.race([running, new Promise((done) => setTimeout(done, 1000))])
  const result = over.then(() => {
    mine.signal.throwIfAborted()
    return ceremony(mine.signal)
  })
  running = result.catch(() => {})
  return result
}

// post returns the server's answer. If there is none because the page is leaving, it
// never returns.
async function post(form, step, body) {
  let answer
  try {
    answer = await fetch(form.dataset.path + step, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
    })
  } catch {
    throw new Problem("network")
  }
  if (answer.redirected) return leave(answer.url) // to a second factor, for example
  let value = {}
  try {
    value = await answer.json()
  } catch {
    if (answer.ok) throw new Problem("down")
  }
  if (!answer.ok) throw new Problem(value.code ?? "down", value.detail)
  return value
}

function leave(url) {
  location.assign(url)
  return new Promise(() => {})
}

function finish(form, step, body) {
  const next = form.dataset.next
  return post(form, next ? `${step}?next=${encodeURIComponent(next)}` : step, body)
}

async function login(form, { ticket, publicKey }, conditional, signal) {
  signal.throwIfAborted()
  const options = { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), signal }
  if (conditional) options.mediation = "conditional"
  const again = conditional && setTimeout(() => offer(form), fresh)
  let credential
  try {
    credential = await navigator.credentials.get(options)
  } finally {
    clearTimeout(again)
  }
  const remember = document.querySelector("input[name=remember]")?.checked ?? false
  try {
    const { next } = await finish(form, "asked", { ticket, credential, remember })
    return await leave(next)
  } catch (problem) {
    if (problem.code === "unknown") {
      // The password manager needn't offer it again.
      const unknown = { rpId: publicKey.rpId, credentialId: credential.id }
      await PublicKeyCredential.signalUnknownCredential?.(unknown).catch(() => {})
    }
    throw problem
  }
}

async function add(form, { ticket, publicKey }, signal) {
  signal.throwIfAborted()
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(publicKey)
  const credential = await navigator.credentials.create({ publicKey: options, signal })
  const name = form.elements.name?.value ?? ""
  const { next } = await finish(form, "added", { ticket, credential, name })
  return leave(next || location.href)
}

// tell shows what went wrong, unless the page has words of its own for it.
function tell(form, problem) {
  const word = wordOf(problem)
  if (word === "stopped") return
  if (word === "browser") console.error(problem) // most often the page isn't on the host of Origin
  if (!form.dispatchEvent(new CustomEvent("passkey", { bubbles: true, cancelable: true, detail: word }))) return
  if ((word === "login" || word === "recent") && form.dataset.login) return leave(form.dataset.login)
  say(form, texts[word] ?? problem.message)
}

function say(form, text) {
  for (const status of form.querySelectorAll("[role=status]")) status.textContent = text
}

// offered is when the browser last got a challenge to offer passkeys with, where the
// user types the address. 0 means that it must not get another one now.
let offered = 0

async function offer(form) {
  const since = (offered = Date.now())
  let asked = false
  try {
    await alone(async (signal) => {
      const question = await post(form, "ask", {})
      asked = true
      await login(form, question, true, signal)
    })
  } catch (problem) {
    if (wordOf(problem) === "stopped") return // for another ceremony
    offered = 1 // long ago
    if (!asked) return
    if (problem instanceof Problem) tell(form, problem)
    if (Date.now() - since > 1000) offer(form) // the user was there, so it doesn't go in circles
  }
}

async function start(form) {
  const adds = form.dataset.passkey === "add"
  const api = globalThis.PublicKeyCredential
  if (!(adds ? api?.parseCreationOptionsFromJSON : api?.parseRequestOptionsFromJSON)) return
  let conditional = false
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    say(form, "")
    offered = 0
    try {
      await alone(async (signal) => {
        const question = await post(form, adds ? "add" : "ask", {})
        await (adds ? add(form, question, signal) : login(form, question, false, signal))
      })
    } catch (problem) {
      tell(form, problem)
      if (conditional && wordOf(problem) !== "stopped") offer(form)
    }
  })
  form.hidden = false
  if (adds || !document.querySelector("input[autocomplete~=webauthn]")) return
  conditional = (await api.isConditionalMediationAvailable?.()) ?? false
  if (!conditional) return
  offer(form)
  // Timers stand still in a tab that nobody sees and in a page that was left.
  const back = () => offered && Date.now() - offered > fresh && offer(form)
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && back())
  addEventListener("pageshow", (event) => event.persisted && offer(form))
}

for (const form of document.querySelectorAll("form[data-passkey]")) start(form)
