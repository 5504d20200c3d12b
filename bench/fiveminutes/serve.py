"""Serves the application over Django as if TLS ended here, and prints its port.

A line of input moves the clock ("sleep 60") or changes the password ("password …"), and is
answered with "done". The end of the input is the end of the program.
"""
import datetime
import os
import sys
import threading
import time
from wsgiref.simple_server import WSGIRequestHandler, make_server

moved = 0
real_time = time.time
time.time = lambda: real_time() + moved

from django.utils import timezone

real_now = timezone.now
timezone.now = lambda: real_now() + datetime.timedelta(seconds=moved)

from djangoapp import application
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the test logs in often
call_command("migrate", verbosity=0)
User.objects.create_user("ada", password=sys.argv[1])


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def over_tls(environ, start_response):
    return application({**environ, "wsgi.url_scheme": "https"}, start_response)


server = make_server("127.0.0.1", 0, over_tls, handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
for line in sys.stdin:
    verb, word = line.split()
    if verb == "sleep":
        moved += int(word)
    else:
        ada = User.objects.get(username="ada")
        ada.set_password(word)
        ada.save()
    print("done", flush=True)
os._exit(0)
