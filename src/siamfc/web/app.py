"""The application: routes, errors as answers, and the guard in front."""

import logging
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from siamfc.errors import SiamFCError
from siamfc.web import routes_jobs, routes_open, routes_show
from siamfc.web.access import Access, Guard
from siamfc.web.session import Session

_logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"


def create_app(session: Session, access: Access) -> Starlette:
    """Make the application.

    Args:
        session: the state behind the routes; it is not closed here.
        access: names, origin and secret that a request must bring.
    """
    app = Starlette(
        routes=[
            Route("/", show_page),
            *routes_show.ROUTES,
            *routes_open.ROUTES,
            *routes_jobs.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={
            HTTPException: _explain_refusal,
            SiamFCError: _explain_error,
            ClientDisconnect: _ignore_disconnect,
            Exception: _explain_fault,
        },
    )
    app.state.session = session
    return app


async def show_page(_request: Request) -> Response:
    """GET the page."""
    return FileResponse(STATIC / "index.html", media_type="text/html")


async def _explain_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


async def _explain_error(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": " ".join(str(error).split())}, 400)


async def _ignore_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)


async def _explain_fault(_request: Request, error: Exception) -> Response:
    _logger.error("an unexpected error", exc_info=error)
    return JSONResponse({"error": "an unexpected error; the server's log has it"}, 500)
