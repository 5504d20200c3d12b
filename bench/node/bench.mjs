// The Node contestants. One process for a whole run: it reads a line of JSON
// a job, {"case": name, "op": "verify"|"seal"|"forged"|"garbage", "n": count,
// "data": bytes}, does the operation n times, and answers with the time that
// its own clock showed. Every case does the job of the Go contestants through
// its documented API: from the raw Cookie header to the user's id, the stamp
// of the password compared.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createInterface } from 'node:readline';
import { getIronSession } from 'iron-session';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { decode, encode, getToken } from '@auth/core/jwt';

const userID = '1000000042';
const passwordHash = '$argon2id$v=19$m=65536,t=3,p=4$' + 'A'.repeat(66);
const idle = 30 * 60;
const absolute = 12 * 60 * 60;
const stampKey = Buffer.alloc(32);

function stamp(id, field) {
  const mac = createHmac('sha256', stampKey);
  const length = Buffer.alloc(4);
  for (const part of [id, field]) {
    length.writeUInt32BE(part.length);
    mac.update(length);
    mac.update(part);
  }
  return mac.digest();
}

function claims(data) {
  const now = Math.floor(Date.now() / 1000);
  const cart = data ? ['x'.repeat(Math.max(1, data - 13))] : ['sku-1138', 'sku-42'];
  return {
    sid: 'gE2u2Vq4fY5sVn1rB0wXGA', iat: now, auth_time: now, exp: now + absolute, rnw: now,
    sub: userID, stp: stamp(userID, passwordHash).toString('base64url'), d: { cart },
  };
}

function trust(c) {
  const now = Math.floor(Date.now() / 1000);
  if (!c || c.sub !== userID || now >= c.exp || now - c.rnw > idle) return '';
  const got = Buffer.from(c.stp, 'base64url');
  const want = stamp(c.sub, passwordHash);
  return got.length === want.length && timingSafeEqual(got, want) ? c.sub : '';
}

const header = (name, value) => `_ga=GA1.1.1234567890.1700000000; theme=dark; ${name}=${value}; lang=en-GB`;
const request = (cookie) => new Request('http://localhost/', { headers: { cookie } });

const ironOptions = { password: 'a password of at least 32 characters', cookieName: 'session', ttl: absolute };
const joseKey = randomBytes(32);
const secret = 'a secret of at least 32 characters, for Auth.js';
const authName = 'authjs.session-token';

function cookieValue(cookies, name) {
  for (const part of cookies.split(';')) {
    const at = part.indexOf('=');
    if (part.slice(0, at).trim() === name) return part.slice(at + 1);
  }
  return '';
}

const cases = {
  'iron-session': {
    name: 'session',
    async seal(data) {
      const response = new Response();
      const session = await getIronSession(request(''), response, ironOptions);
      Object.assign(session, claims(data));
      await session.save();
      return /^session=([^;]*)/.exec(response.headers.get('set-cookie'))[1];
    },
    async verify(cookies) {
      return trust(await getIronSession(request(cookies), new Response(), ironOptions));
    },
  },
  jose: {
    name: 'session',
    async seal(data) {
      return new EncryptJWT(claims(data)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(joseKey);
    },
    async verify(cookies) {
      try {
        const { payload } = await jwtDecrypt(cookieValue(cookies, 'session'), joseKey);
        return trust(payload);
      } catch {
        return '';
      }
    },
  },
  '@auth/core': {
    name: authName,
    async seal(data) {
      return encode({ token: claims(data), secret, salt: authName, maxAge: absolute });
    },
    async verify(cookies) {
      try {
        return trust(await getToken({ req: request(cookies), secret, salt: authName, cookieName: authName, decode }));
      } catch {
        return '';
      }
    },
  },
};

const values = new Map();

async function value(name, data) {
  const id = `${name} ${data}`;
  if (!values.has(id)) values.set(id, await cases[name].seal(data));
  return values.get(id);
}

async function job({ case: name, op, n, data = 0 }) {
  const c = cases[name];
  const v = await value(name, data);
  const answer = { bytes: c.name.length + 1 + v.length };
  let run;
  if (op === 'seal') {
    run = async () => (await c.seal(data)).length > 0;
  } else {
    const middle = v.length >> 1;
    const forged = v.slice(0, middle) + (v[middle] === 'A' ? 'B' : 'A') + v.slice(middle + 1);
    const sent = { verify: v, forged, garbage: 'Zm9v'.repeat(v.length).slice(0, v.length) }[op];
    const cookies = header(c.name, sent);
    const want = op === 'verify' ? userID : '';
    run = async () => (await c.verify(cookies)) === want;
  }
  const start = process.hrtime.bigint();
  for (let i = 0; i < n; i++) {
    if (!(await run())) throw new Error(`${name} ${op}: the answer is not the right user`);
  }
  answer.ns = Number(process.hrtime.bigint() - start);
  return answer;
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await job(JSON.parse(line))));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message) }));
  }
}
