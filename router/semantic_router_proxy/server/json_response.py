"""JSON answers of the admin side."""

import orjson
from starlette.responses import Response


def json_response(data: object, status: int = 200) -> Response:
    return Response(orjson.dumps(data), status, media_type="application/json")
