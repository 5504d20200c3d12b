"""Does the tasks of readers_test.go with hardtack.py: a list of them as JSON, and a list of results."""
import json
import sys

import hardtack

results = []
for task in json.load(sys.stdin):
    keys = {"keys": [] if not task["keys"] else task["keys"]["keys"]}
    if task["do"] == "open":
        ring = {k["kid"]: hardtack.decode(k["k"]) for k in keys["keys"]}
        verdict, kid, plaintext = hardtack.open_token(task["token"], ring)
        results.append({"verdict": verdict, "kid": kid or "", "plaintext": "" if plaintext is None else plaintext.hex()})
        continue
    try:
        verdict, session = hardtack.Reader(keys, **task["options"]).read(task["cookie"], task["now"])
        results.append({"verdict": verdict, "session": session})
    except Exception as error:
        results.append({"verdict": f"{type(error).__name__}: {error}"})
json.dump(results, sys.stdout)
