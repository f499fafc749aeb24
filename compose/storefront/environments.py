"""The platform's endpoint for whole environments: deletion of a region needs the scope for it.

It only decides; the operator of the platform carries out what was allowed.
"""

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import operators
from .credentials import Credentials
from .problems import Problem

DELETE = "environment:delete"


def routes(credentials: Credentials, regions: Collection[str]) -> list[Route]:
    """POST environments/{region}/delete: 202 {"region", "scope", "credential"}; 401 and 403, then 404 for no region."""

    async def delete(request: Request) -> Response:
        credential = credentials.allowed(request, DELETE)
        region = str(request.path_params["region"])
        if region not in regions:
            raise Problem(404, f"no region is called {region[:64]}")
        return JSONResponse({"region": region, "scope": DELETE, "credential": credential.name}, 202)

    return [Route(operators.PREFIX + "environments/{region}/delete", delete, methods=["POST"])]
