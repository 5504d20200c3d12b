"""Reads session cookies of https://github.com/hardtack-go/hardtack; docs/FORMAT.md there has the rules.

It never writes one. It needs the package cryptography. Copy this file into your application.
"""
import base64, hmac, json, re, time
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAX_TIME, LEEWAY = 253402300799, 60  # the year 9999; by how much the clocks of a fleet may differ
B64 = "(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?"  # base64url in its one spelling
KID, B16, B32 = "[\\w-]{6}[AEIMQUYcgkosw048]", "[\\w-]{21}[AQgw]", "[\\w-]{42}[AEIMQUYcgkosw048]"
TIME = "([1-9][0-9]{0,11})"
HEADER = re.compile('{"alg":"dir","enc":"A256GCM","kid":"(%s)"}' % KID, re.A)
TOKEN = re.compile("([\\w-]{60})(.*)", re.A | re.S)
BODY = re.compile("\\.\\.([\\w-]{16})\\.(%s)\\.(%s)" % (B64, B16), re.A)
ENTRY = re.compile("(%s)([0-9]{10})(%s)" % (KID, B16), re.A)
CLAIMS = re.compile(f'{{"sid":"({B16})","iat":{TIME}(?:,"auth_time":{TIME})?,"exp":{TIME},"rnw":{TIME}(,"per":true)?(?:,"end":{TIME})?'
    f'(?:,"sub":"((?:[^"\\\\\\0-\\x1f\\x7f-\\x9f]|\\\\["\\\\])+)"(?:,"stk":"{KID}","stp":"{B32}")?)?(?:,"d":({{".{{4,}}}}))?}}', re.A | re.S)
RANK = ["malformed", "bad-tag", "expired", "ended", "foreign", "newer", "future", "unknown-key"]  # the last one counts

def decode(text): return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

def find(lines, name):
    pairs = (pair.strip(" \t") for line in lines for pair in line.split(";"))  # and never at a comma
    return list(dict.fromkeys(pair[len(name) + 1:] for pair in pairs if pair.startswith(name + "=")))

def open_token(value, keys):  # returns a verdict, the kid and the plaintext
    head = len(value) <= 4096 and TOKEN.fullmatch(value)
    kid = head and HEADER.fullmatch(decode(head[1]).decode("latin-1"))
    if not kid or kid[1] not in keys: return ("unknown-key" if kid else "foreign"), None, None
    body = BODY.fullmatch(head[2])
    if not body: return "malformed", None, None
    try: return "ok", kid[1], AESGCM(keys[kid[1]]).decrypt(decode(body[1]), decode(body[2]) + decode(body[3]), head[1].encode())
    except InvalidTag: return "bad-tag", None, None

def parse(plaintext):  # raises ValueError for any but the one spelling
    m = CLAIMS.fullmatch(plaintext.decode())
    if not m: raise ValueError("claims")
    iat, auth, exp, rnw, end = (int(m[i] or 0) for i in (2, 3, 4, 5, 7))
    if max(iat, auth, exp, rnw, end) > MAX_TIME or bool(m[8]) != bool(auth) or len((m[8] or "").encode()) > 255: raise ValueError("claims")
    data, user = json.loads(m[9] or "{}", parse_constant=int), m[8] and re.sub(r"\\(.)", r"\1", m[8])
    actor = (data["-act"].get("sub") or "" if isinstance(data["-act"], dict) else "") if "-act" in data else None  # "": somebody unknown
    return m[1], {"user": None if actor == "" else user, "actor": actor, "created": iat, "authTime": auth or None, "renewed": rnw,
        "expires": min(exp, end or exp), "persistent": bool(m[6]), "data": {k: v for k, v in data.items() if k[0] != "-"}}

class Reader:
    """Options are as the application has them: seconds, and former names as pairs of a name and the time until when it counts."""
    def __init__(self, keys, name="__Host-session", audience="", former=(), idle=1800, absolute=43200, persistent_idle=1209600, persistent_absolute=2592000):
        self.limits, self.places = {False: (idle, absolute), True: (persistent_idle, persistent_absolute)}, []
        for place, until in [(name, float("inf")), *former]:
            seal, barrier = ({k["kid"]: decode(k["k"]) for k in keys["keys"] if (k["purpose"], k["audience"], k["name"]) == (p, audience, place)} for p in ("seal", "barrier"))
            if not seal or seal.keys() - barrier.keys(): raise ValueError(f"seal or barrier keys are missing for cookie {place!r}")
            self.places.append((place, until, seal, barrier))

    def judge(self, value, place, now, ended):
        verdict, _, plaintext = open_token(value, place[2])
        if plaintext is None: return verdict, None, None
        try: sid, s = parse(plaintext)
        except (ValueError, RecursionError): return "newer", None, None
        (idle, absolute), began = self.limits[s["persistent"]], min(s["created"], s["authTime"] or s["created"])
        s["expires"] = min(s["expires"], began + absolute)
        if max(s["created"], s["authTime"] or 0, s["renewed"]) > now + LEEWAY: return "future", None, None
        if now >= s["expires"] or now - s["renewed"] > idle: return "expired", None, None
        return ("ended", None, None) if ended(sid) else ("ok", sid, s)

    def read(self, lines, now=None):
        """Returns the verdict on the values of a request's Cookie header fields, and the session if it's "ok"."""
        now = int(time.time() if now is None else now)
        if not 0 < now <= MAX_TIME: return "none", None
        live = [p for p in self.places if now < p[1]]
        moved, live = any(p[0] == live[0][0] for p in live[1:]), live[:1] + [p for p in live[1:] if p[0] != live[0][0]]
        entries = [ENTRY.fullmatch(e) for p in live for v in find(lines, p[0] + "-ended")[:9] for e in v.split(".")[:6]]
        def ended(sid):
            macs = ((m[3], p[3][m[1]], b"\0\0\0\x16%b\0\0\0\x0a%b" % (sid.encode(), m[2].encode())) for m in entries for p in live if m and int(m[2]) > now and m[1] in p[3])
            return any([hmac.compare_digest(hmac.digest(key, text, "sha256")[:16], decode(mac)) for mac, key, text in macs])
        verdict = "none"
        for place in live:
            values = find(lines, place[0])
            found = [self.judge(v, place, now, ended) for v in values[:9]]
            if place is live[0] and values: verdict = "foreign"
            if all(f[0] == "foreign" for f in found) and (place is not live[0] or len(values) <= 8): continue
            good = [f for f in found if f[2]]
            if len(values) > 8 or len(good) > 1 and not (moved and place is live[0] and len({f[1] for f in good}) == 1): return "ambiguous", None
            if good: return "ok", max(reversed(good), key=lambda f: f[2]["renewed"])[2]
            verdict = max((f[0] for f in found), key=RANK.index)
            return ("malformed" if verdict == "newer" else verdict), None
        return verdict, None
