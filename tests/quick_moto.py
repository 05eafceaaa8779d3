"""The mocked AWS, quicker: a quarter of a test's time went into what no test looks at.

Each call of moto and botocore built a user agent, drew 52 random letters as a request's id, listed a class' methods,
and laid each DynamoDB value through a serializer made for any shape. What a test sees of an answer stays the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.useragent import UserAgentString
from moto import backend_index
from moto.core import responses
from moto.core.serialize import JSONSerializer
from moto.sqs import models as sqs
from moto.utilities import aws_headers

from tests.quick_transactions import quicken_transactions

_REQUEST_ID = "0" * 52


def quicken() -> None:
    """For the whole process, once."""
    of_moto: Any = responses
    of_moto.method_names_from_class = cache(of_moto.method_names_from_class)
    of_sqs: Any = sqs
    of_moto.camelcase_to_underscores = of_sqs.camelcase_to_underscores = cache(of_moto.camelcase_to_underscores)
    headers: Any = aws_headers
    headers.gen_amzn_requestid_long = of_moto.gen_amzn_requestid_long = _request_id
    # Of some two hundred services these are tried first.
    backend_index.backend_url_patterns.sort(key=lambda pair: pair[0] not in {"dynamodb", "sqs"})
    agent: Any = UserAgentString
    agent.to_string = lambda _: "giftbridge-tests"
    serializer: Any = JSONSerializer
    of_any_shape = serializer._serialize_type_structure

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and type(value) is dict and "B" not in value:
            self._default_serialize(serialized, value, shape, key)
        else:
            of_any_shape(self, serialized, value, shape, key)

    serializer._serialize_type_structure = serialize
    quicken_transactions()


def _request_id(response_headers: dict[str, str] | None = None) -> str:
    if response_headers is not None:
        response_headers["x-amzn-requestid"] = _REQUEST_ID
    return _REQUEST_ID
