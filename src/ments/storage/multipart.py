"""Uploads in parts, seen from the server: which are open, what arrived, join them or drop them.

obstore writes multipart uploads of its own but cannot look at a browser's, so boto3 does, in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ments.errors import Away, Conflict, NotFound, Retryable
from ments.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part that storage holds. number from 1, size in bytes, etag without quotes."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    started_at: datetime


class Multipart:
    """Multipart uploads of the bucket. Raises Retryable when storage does not answer or refuses."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def list_open(self, prefix: str) -> list[OpenUpload]:
        """List the unfinished uploads whose key begins with `prefix`, up to 1,000."""

        def ask() -> list[OpenUpload]:
            answer = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
            return [
                OpenUpload(found["Key"], found["UploadId"], found["Initiated"]) for found in answer.get("Uploads", [])
            ]

        return await self._in_thread(ask)

    async def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """List the parts that arrived, by number. Raises NotFound when there is no such upload."""

        def ask() -> list[Part]:
            pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
            return [
                Part(part["PartNumber"], part["ETag"].strip('"'), part["Size"])
                for page in pages
                for part in page.get("Parts", [])
            ]

        return await self._in_thread(ask)

    async def complete(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the parts, `(number, etag)` each, into the object.

        Raises Conflict when the key is taken already or the parts do not fit, NotFound when there is no
        such upload (it was completed or aborted before).
        """
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]

        def ask() -> None:
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},  # type: ignore[typeddict-item]  # the stubs want their own dict
                IfNoneMatch="*",
            )

        await self._in_thread(ask)

    async def abort(self, key: str, upload_id: str) -> None:
        """Drop an upload and its parts; one that is gone already is fine."""

        def ask() -> None:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)

        try:
            await self._in_thread(ask)
        except NotFound:
            return

    @property
    def _bucket(self) -> str:
        return self._settings.s3_bucket

    @cached_property
    def _client(self) -> S3Client:
        # Only here: the service's description costs tens of MB, which most processes never need.
        import boto3
        from botocore.config import Config

        settings = self._settings
        return boto3.client(
            "s3",
            endpoint_url=settings.s3_endpoint_url,
            region_name=settings.s3_region,
            aws_access_key_id=settings.aws_access_key_id,
            aws_secret_access_key=settings.aws_secret_access_key,
            config=Config(
                connect_timeout=3,
                read_timeout=60,
                retries={"max_attempts": 2, "mode": "standard"},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
            ),
        )

    async def _in_thread(self, ask: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(_LIMIT_S):
                return await asyncio.to_thread(ask)
        except ClientError as error:
            raise _known(error) from error
        except (BotoCoreError, TimeoutError) as error:
            raise Away("Storage does not answer about an upload in parts.") from error


def _known(error: ClientError) -> NotFound | Conflict | Retryable:
    code = error.response.get("Error", {}).get("Code", "")
    if code in ("NoSuchUpload", "NoSuchKey", "404"):
        return NotFound("There is no such upload in storage; it was completed or dropped before.")
    if code == "PreconditionFailed":
        return Conflict("The file is there already.", code="already_uploaded")
    if code in ("InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"):
        return Conflict("The parts that were named are not those that arrived.", code="parts_mismatch")
    return Retryable(f"Storage refused ({code or 'no code'}).")
