"""The console as an application: a page for a visit, and a sentence for whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ops.console.office import Office
from ops.console.rendering import FOLDER
from ops.console.security import LONGEST_FORM, Guard, refused_post
from ops.console.sessions import Session, Sessions
from ops.console.visit import NoSuchPageError, PageRoute, Visit
from ops.operating.problems import Problem, Unreachable, WrongUsage, problem_of
from ops.operating.stack import Stack

PAGES = (
    "overview",
    "deliveries",
    "delivery",
    "donor",
    "finding",
    "failures",
    "retries",
    "dead_letters",
    "review",
    "reconciliation",
    "batches",
    "settings",
    "activity",
    "runbook",
    "common",
)
_HOURS_12 = 12 * 3600
log = logging.getLogger("giftbridge.console")
_TITLES = {403: "Refused", 404: "Not found", 500: "Out of order", 502: "Out of reach"}
Answer = Callable[[Request], Awaitable[Response]]


def console_app(
    open_stack: Callable[[], Stack], *, read_only: bool = False, token: str | None = None, base_path: str = "/console"
) -> Starlette:
    """The console of one stack by itself, to be served at a loopback address.

    `token` is asked for once (/enter?token=); None lets everybody in who reaches the address.
    """
    pages = console_pages(open_stack, read_only=read_only, token=token, base_path=base_path)
    home = _to(f"{base_path}/")
    return Starlette(routes=[Mount(base_path, app=pages), Route("/", home)], middleware=[Middleware(Guard)])


def console_pages(
    open_stack: Callable[[], Stack], *, read_only: bool = False, token: str | None = None, base_path: str = "/console"
) -> Starlette:
    """The console's pages, to be mounted at `base_path` (without a slash at its end) of another application."""
    office = Office(open_stack, Sessions(token, lambda: datetime.now(UTC)), read_only=read_only, base_path=base_path)
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=FOLDER / "static"), name="static")]
    if token is not None:
        routes.append(Route("/enter", _entrance(office)))
    routes += [_route(office, route) for route in page_routes()]
    refuse = _refusal(office)
    handlers = dict.fromkeys((400, 404, 405, 413), refuse)
    return Starlette(routes=routes, middleware=[Middleware(Guard)], exception_handlers=handlers)


def page_routes() -> Iterable[PageRoute]:
    """All pages."""
    for name in PAGES:
        routes: tuple[PageRoute, ...] = import_module(f"ops.console.pages.{name}").ROUTES
        yield from routes


def cookie_name(request: Request) -> str:
    """Browsers share cookies among the ports of one host: each console has its own."""
    return f"giftbridge_console_{request.url.port or 80}"


def _to(address: str) -> Answer:
    async def redirect(_request: Request) -> Response:
        return RedirectResponse(address, status_code=307)

    return redirect


def _entrance(office: Office) -> Answer:
    async def enter(request: Request) -> Response:
        session = office.sessions.enter(request.query_params.get("token", ""))
        if session is None:
            return _stranger()
        response = RedirectResponse(f"{office.base_path}/", status_code=303)
        _give_cookie(office, request, session, response)
        return response

    return enter


def _stranger() -> Response:
    text = (
        "This console is open in another browser, or its address was used before: the address that `giftbridge "
        "console` prints is good once.\nEnd that command and start it again for a new address.\n"
    )
    return PlainTextResponse(text, status_code=403)


def _give_cookie(office: Office, request: Request, session: Session, response: Response) -> None:
    response.set_cookie(
        cookie_name(request),
        session.id,
        max_age=_HOURS_12,
        path=office.base_path,
        httponly=True,
        samesite="strict",
    )


def _route(office: Office, route: PageRoute) -> Route:
    async def answer(request: Request) -> Response:
        cookie = request.cookies.get(cookie_name(request))
        session = office.sessions.of(cookie)
        if session is None:
            return _stranger()
        form = await _form(request) if route.method == "POST" else FormData()
        visit = Visit(office, request, session, form)
        response = await run_in_threadpool(_answered, visit, route)
        if session.id != cookie:
            _give_cookie(office, request, session, response)
        return response

    return Route(route.path, answer, methods=[route.method])


async def _form(request: Request) -> FormData:
    """A form's fields. Raises HTTPException for one that is too large."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LONGEST_FORM:
        raise HTTPException(413)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(400)
    return await request.form(max_fields=20_000)


def _answered(visit: Visit, route: PageRoute) -> Response:
    try:
        if route.method == "POST":
            why = refused_post(visit.request, visit.session, visit.form, read_only=visit.read_only)
            if why is not None:
                return problem_page(visit, WrongUsage(why), 403)
        response = route.page(visit)
        if route.method == "POST":
            visit.office.forget()
        return response
    except NoSuchPageError as missing:
        return problem_page(visit, WrongUsage(str(missing) or "There is no such page."), 404)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            # Not what it said: that may hold a person's details.
            log.error("a page broke down: %s", _whereabouts(error))
            sentence = "The console itself broke down here; nothing else is affected."
            return problem_page(visit, Problem(sentence, ["Load the page again."]), 500)
        return problem_page(visit, problem, _status_of(problem))


def _whereabouts(error: Exception) -> str:
    """The kind of an error and the lines it went through, without what it said."""
    steps = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {' < '.join(f'{Path(s.filename).name}:{s.lineno}' for s in reversed(steps))}"


def _status_of(problem: Problem) -> int:
    if isinstance(problem, WrongUsage):
        return 400
    return 502 if isinstance(problem, Unreachable) else 409


def problem_page(visit: Visit, problem: Problem, status: int) -> Response:
    """A page with the sentence and what to do."""
    try:
        return visit.page("problem.html", _TITLES.get(status, "Not done"), status=status, problem=problem)
    except Exception:
        # The page itself needs the stack, which may be what cannot be reached.
        return PlainTextResponse("\n".join([problem.text, *problem.details]), status_code=status)


def _refusal(office: Office) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        sentences = {404: "There is no such page.", 405: "There is no such page.", 413: "That is too much at once."}
        text = sentences.get(status, "The request could not be read.")
        session = office.sessions.of(request.cookies.get(cookie_name(request)))
        if session is None:
            return PlainTextResponse(text, status_code=status)
        visit = Visit(office, request, session)
        return await run_in_threadpool(problem_page, visit, WrongUsage(text), 404 if status == 405 else status)

    return refuse
