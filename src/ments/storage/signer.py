"""Signed requests for browsers: each good for one method, one key, one size, for a short time. No I/O.

What storage enforces, seen on SeaweedFS 4.48: a body of another length or type than was signed is 403; a
second PUT of a key that exists is 412, since `If-None-Match: *` is signed; completing a multipart upload
onto a key that exists is 412 too (its parts stay until the upload is aborted). Leaving a signed header
out is 403.

What Uppy needs (`@uppy/aws-s3` 6.3): it calls `signRequest(request)` before every S3 request, one at a time
for a file, and sends what it gets back, `{url, headers}`, itself (three tries on 5xx and lost connections,
none on 4xx, each without asking again). `request` is

    {method: 'PUT', key, contentType}              -> put_object           a file sent in one piece
    {method: 'POST', key}                          -> create_multipart
    {method: 'PUT', key, uploadId, partNumber}     -> upload_part          from 1; needs ETag in the answer
    {method: 'GET', key, uploadId}                 -> list_parts           when it resumes; first 1,000 parts only
    {method: 'POST', key, uploadId}                -> complete_multipart   the XML of parts is its own
    {method: 'DELETE', key, uploadId}              -> abort_multipart      when the person cancels

- `key` is whatever `generateObjectKey` returned: ignore it, the upload's own key is signed.
- It never says how long a part is: the server knows (`part_length`), so the page must cut the file as the
  server does: `shouldUseMultipart: () => part_size !== undefined`, `getChunkSize: () => part_size` (no part
  but the last may be under 5 MiB).
- Header names and values of `headers` replace its own, such as Content-Type. It must not hold
  Content-Length, which browsers set; it is signed all the same.
- Resuming works within one page (pause, retry) or where `file.s3Multipart = {key, uploadId}` is restored:
  any non-empty key will do.
- A PUT or a completion whose answer was lost is repeated, and then ends in 412 (or 404 NoSuchUpload),
  although the object is there: on these two the page must go on to `/complete`, which looks for itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ments.errors import Invalid
from ments.settings import Settings

UNKNOWN_TYPE = "application/octet-stream"
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}")
_UPLOAD_ID = re.compile(r"[A-Za-z0-9._~+/=-]{1,512}")
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request that a browser may make.

    headers     to be sent as they are; Content-Length is signed too and left out, since browsers set it
    expires_at  when storage stops accepting it
    """

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Signer:
    """Signs for the bucket of the settings.

    `public_base` of each method is the origin that the browser asked (`http://192.168.1.5:8080`), through
    which the edge passes storage requests on; S3_PUBLIC_ENDPOINT_URL, when set, takes its place.
    `expires_s` is in seconds, at most a week.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._credentials = Credentials(settings.aws_access_key_id, settings.aws_secret_access_key)
        self._region = settings.s3_region
        self._bucket = settings.s3_bucket
        self._endpoint_url = settings.s3_endpoint_url
        self._public_endpoint_url = settings.s3_public_endpoint_url
        self._clock = clock

    def put_object(self, key: str, size: int, content_type: str, expires_s: int, public_base: str) -> SignedRequest:
        """Sign the only PUT of a whole object: `size` bytes of `content_type`, and only while the key is free."""
        headers = {
            "Content-Length": str(size),
            "Content-Type": plain_content_type(content_type),
            "If-None-Match": "*",
        }
        return self._sign("PUT", key, {}, headers, expires_s, public_base)

    def create_multipart(self, key: str, content_type: str, expires_s: int, public_base: str) -> SignedRequest:
        """Sign the start of an upload in parts; the answer's XML names its UploadId."""
        headers = {"Content-Type": plain_content_type(content_type)}
        return self._sign("POST", key, {"uploads": ""}, headers, expires_s, public_base)

    def upload_part(
        self, key: str, upload_id: str, part_number: int, size: int, expires_s: int, public_base: str
    ) -> SignedRequest:
        """Sign one part of exactly `size` bytes; `part_number` from 1. Sending a part again replaces it."""
        if not 1 <= part_number <= _MOST_PARTS:
            raise Invalid(f"A part's number is 1 to {_MOST_PARTS}.", code="invalid_part")
        query = {"partNumber": str(part_number), "uploadId": _checked(upload_id)}
        return self._sign("PUT", key, query, {"Content-Length": str(size)}, expires_s, public_base)

    def list_parts(self, key: str, upload_id: str, expires_s: int, public_base: str) -> SignedRequest:
        """Sign the question which parts are there."""
        return self._sign("GET", key, {"uploadId": _checked(upload_id)}, {}, expires_s, public_base)

    def complete_multipart(self, key: str, upload_id: str, expires_s: int, public_base: str) -> SignedRequest:
        """Sign the joining of the parts, and only while the key is free. The body lists the parts, unsigned."""
        query = {"uploadId": _checked(upload_id)}
        return self._sign("POST", key, query, {"If-None-Match": "*"}, expires_s, public_base)

    def abort_multipart(self, key: str, upload_id: str, expires_s: int, public_base: str) -> SignedRequest:
        """Sign the end of an upload in parts; what was sent is dropped."""
        return self._sign("DELETE", key, {"uploadId": _checked(upload_id)}, {}, expires_s, public_base)

    def get_object(self, key: str, expires_s: int) -> SignedRequest:
        """Sign a read by a program of ours, straight from storage; the edge passes none of these on."""
        return self._sign_at(self._endpoint_url, "GET", key, {}, {}, expires_s)

    def _sign(
        self, method: str, key: str, query: dict[str, str], headers: dict[str, str], expires_s: int, public_base: str
    ) -> SignedRequest:
        base = self._public_endpoint_url or public_base.rstrip("/")
        return self._sign_at(base, method, key, query, headers, expires_s)

    def _sign_at(
        self, base: str, method: str, key: str, query: dict[str, str], headers: dict[str, str], expires_s: int
    ) -> SignedRequest:
        url = f"{base}/{self._bucket}/{quote(key)}" + (f"?{urlencode(query)}" if query else "")
        request = AWSRequest(method=method, url=url, headers=headers)
        S3SigV4QueryAuth(self._credentials, "s3", self._region, expires=expires_s).add_auth(request)
        return SignedRequest(
            method=method,
            url=str(request.url),
            headers={name: value for name, value in headers.items() if name != "Content-Length"},
            expires_at=datetime.fromtimestamp(int(self._clock()) + expires_s, UTC),
        )


def plain_content_type(hint: str) -> str:
    """Make a type that may be signed out of a browser's hint; parameters are dropped, nonsense is octets."""
    bare = hint.split(";", 1)[0].strip().lower()
    return bare if _CONTENT_TYPE.fullmatch(bare) else UNKNOWN_TYPE


def part_length(size: int, part_size: int, part_number: int) -> int:
    """How long one part of an object of `size` bytes is: `part_size`, the last one the rest.

    part_number  from 1

    Raises Invalid when the object has no such part. Pure.
    """
    before = part_size * (part_number - 1)
    if part_number < 1 or before >= size:
        raise Invalid("This upload has no such part.", code="invalid_part")
    return min(part_size, size - before)


def _checked(upload_id: str) -> str:
    if not _UPLOAD_ID.fullmatch(upload_id):
        raise Invalid("That is not an upload's id.", code="invalid_upload_id")
    return upload_id
