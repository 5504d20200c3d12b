"""Mints sessions with Flask and Django themselves, as Debian has them or as PYTHONPATH says.

It reads tasks and writes cookies as mint.mjs does. A task may also have repeat, how often a
letter stands in the session, and form, in which other form than JSON it is written.
"""

import json
import pickle
import sys
import time

import django
import flask
from django.conf import settings
from itsdangerous import URLSafeTimedSerializer

real, shift = time.time, 0
time.time = lambda: real() + shift


class Pickle:
    """What Django had as PickleSerializer up to version 4."""

    def dumps(self, obj):
        return pickle.dumps(obj)

    def loads(self, data):
        raise NotImplementedError


def flask_session(task, values):
    app = flask.Flask("app")
    app.secret_key = task["secrets"][0]
    app.config["SECRET_KEY_FALLBACKS"] = task["secrets"][1:]  # since 3.1
    if task["form"] == "pickle":
        app.session_interface = flask.sessions.SecureCookieSessionInterface()  # that of the class is everybody's
        app.session_interface.serializer = pickle
    if task["other"]:  # the link of a mail, as most Flask applications make it
        return "session=" + URLSafeTimedSerializer(app.secret_key, salt="activate").dumps({"_user_id": task["user"]})

    @app.route("/")
    def login():
        # As Flask-Login writes it.
        flask.session.update(values, _user_id=task["user"], _fresh=True)
        return "ok"

    return app.test_client().get("/").headers["Set-Cookie"].split(";")[0]


def start_django():
    settings.configure(
        SECRET_KEY="unused",
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name in ["ann", "eve"]:  # with the ids 1 and 2
        User.objects.create_user(name, password="correct horse")


def django_session(task, values):
    from django.contrib.auth import login
    from django.contrib.auth.models import User
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.core import signing
    from django.http import HttpResponse
    from django.test import RequestFactory

    settings.SECRET_KEY = task["secrets"][0]
    settings.SECRET_KEY_FALLBACKS = task["secrets"][1:]  # since 4.1
    settings.SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
    if task["form"] == "pickle":
        settings.SESSION_SERIALIZER = "__main__.Pickle"
    if task["other"]:  # what an application signs for a purpose of its own
        return "sessionid=" + signing.dumps({"_auth_user_id": "1"}, salt="activate", compress=True)

    def view(request):
        user = User.objects.get(username=task["user"])
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        request.session.update(values)
        return HttpResponse("ok")

    response = SessionMiddleware(view)(RequestFactory().get("/"))
    return "sessionid=" + response.cookies["sessionid"].value


minters = {"flask": flask_session, "django": django_session}
started = False

for line in sys.stdin:
    task = {"form": "", "other": False, "size": 0, "repeat": 0, "shift": 0, **json.loads(line)}
    try:
        if task["system"] == "django" and not started:
            start_django()
            started = True
        filler, x = "", 1
        while len(filler) < task["size"]:
            x = x * 48271 % 2147483647
            filler += format(x, "x")
        shift = task["shift"]
        values = {"colour": "teal", "filler": filler[: task["size"]] + "a" * task["repeat"]}
        result = {"cookies": [minters[task["system"]](task, values)]}
    except Exception as error:
        result = {"error": repr(error)}
    shift = 0
    print(json.dumps(result), flush=True)
