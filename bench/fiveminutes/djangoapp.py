import os
import time

import django
from django.conf import settings

# What startproject writes, as far as it is needed here, and then the application's own.
settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["shop.test"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.absolute_timeout",  # for: absolute
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["templates"]}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    USE_TZ=True,
    LOGIN_URL="/login",
    LOGIN_REDIRECT_URL="/",
    LOGOUT_REDIRECT_URL="/login",
    SESSION_COOKIE_SECURE=True,  # for: cookie
    SESSION_COOKIE_AGE=30 * 60,  # for: idle
    SESSION_SAVE_EVERY_REQUEST=True,  # for: idle
)
django.setup()

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.core.wsgi import get_wsgi_application
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache


def absolute_timeout(get_response):  # for: absolute
    def middleware(request):  # for: absolute
        if request.user.is_authenticated and time.time() - request.session.setdefault("login", time.time()) > 12 * 60 * 60:  # for: absolute
            logout(request)  # for: absolute
        return get_response(request)  # for: absolute
    return middleware  # for: absolute


@never_cache  # for: cache
@login_required
def home(request):
    return render(request, "home.html", {"user": request.user})


urlpatterns = [
    path("", home),
    path("login", LoginView.as_view()),
    path("logout", LogoutView.as_view()),
]
application = get_wsgi_application()
