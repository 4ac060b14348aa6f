"""The private bucket, for programs of ours: bytes in and out, every call bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from ments.errors import Away, Retryable
from ments.settings import Settings
from ments.storage.multipart import Multipart, OpenUpload, Part

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

_CALL_S = 15.0
# A transfer may take this long, plus a second for each of these bytes.
_TRANSFER_S = 60.0
_SLOWEST_BYTES_S = 1024 * 1024
_CHUNK_BYTES = 4 * 1024 * 1024
# S3 asks for parts of at least 5 MiB, of which 10,000 make an object.
_PART_BYTES = 16 * 1024 * 1024
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What storage knows about an object. size in bytes; metadata as lower-case names and values."""

    size: int
    content_type: str
    etag: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One line of a listing. size in bytes."""

    key: str
    size: int
    modified_at: datetime


class ObjectReplaced(Retryable):
    """Other bytes lie there than those that were asked for."""

    code = "object_replaced"


class Bucket:
    """The bucket of the settings. Open for as long as the process; holds no connection that must be closed.

    Each method raises Away when storage does not answer, refuses, or takes too long.
    """

    def __init__(self, settings: Settings) -> None:
        self._store = S3Store(
            settings.s3_bucket,
            endpoint=settings.s3_endpoint_url,
            access_key_id=settings.aws_access_key_id,
            secret_access_key=settings.aws_secret_access_key,
            region=settings.s3_region,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": True,
                "connect_timeout": timedelta(seconds=3),
                # A connection that says nothing for so long is dead; whole transfers are bounded below.
                "read_timeout": timedelta(seconds=30),
                "timeout": timedelta(hours=2),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
        )
        self._multipart = Multipart(settings)

    async def ping(self) -> None:
        """Ask storage one signed question about the bucket; for readiness."""
        async with _bounded("reach storage", 3.0):
            await obstore.list_with_delimiter_async(self._store, "system")

    async def head(self, key: str) -> ObjectHead | None:
        """Describe an object; None when there is none."""
        try:
            async with _bounded(f"describe {key}", _CALL_S):
                found = await obstore.get_async(self._store, key, options={"head": True})
        except FileNotFoundError:
            return None
        attributes = {str(name): str(value) for name, value in found.attributes.items()}
        return ObjectHead(
            size=found.meta["size"],
            content_type=attributes.pop("Content-Type", ""),
            etag=_etag_of(found),
            metadata=attributes,
        )

    async def download(self, key: str, path: Path, *, etag: str | None = None) -> int | None:
        """Write an object to `path`, as it streams in; answers its size in bytes, None when there is none.

        etag  of the object that is meant; without one, whichever lies there
        A download that fails leaves no file behind. A full disk is Away too. Raises ObjectReplaced when another one than
        was meant lies there by now.
        """
        try:
            async with _bounded(f"open {key}", _CALL_S):
                found = await obstore.get_async(self._store, key, options=_meant(etag) if etag else None)
                if etag:
                    _check_meant(found, etag)
        except FileNotFoundError:
            return None
        size = found.meta["size"]
        try:
            async with _bounded(f"read {key}", _transfer_s(size)):
                file = await asyncio.to_thread(path.open, "wb")
                try:
                    async for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
                        await asyncio.to_thread(file.write, chunk)
                finally:
                    await asyncio.to_thread(file.close)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        return size

    async def read_range(self, key: str, start: int, end: int, *, etag: str) -> bytes | None:
        """The bytes from `start` to before `end` of the object that `etag` names, into memory; None when there is none.

        start, end  within the object, the end after the start
        Raises ObjectReplaced when another one lies there by now.
        """
        try:
            async with _bounded(f"read {key}", _transfer_s(end - start)):
                found = await obstore.get_async(self._store, key, options={"range": (start, end), **_meant(etag)})
                _check_meant(found, etag)
                data = bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        if len(data) != end - start:
            raise Away(f"Storage gave {len(data)} of {end - start} bytes of {key}.")
        return data

    async def read_bytes(self, key: str) -> bytes | None:
        """A small object of ours, into memory; None when there is none."""
        try:
            async with _bounded(f"read {key}", _TRANSFER_S):
                found = await obstore.get_async(self._store, key)
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None

    async def upload(self, key: str, path: Path, content_type: str, cache_control: str = "") -> int:
        """Write a file of ours as an object, in parts when it is large; answers its size in bytes.

        The object appears whole or not at all. One that is there is replaced.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        async with _bounded(f"write {key}", _transfer_s(size)):
            await obstore.put_async(
                self._store,
                key,
                path,
                attributes=_attributes(content_type, cache_control),
                use_multipart=size > _PART_BYTES,
                chunk_size=_PART_BYTES,
                max_concurrency=2,
            )
        return size

    async def put_bytes(self, key: str, data: bytes, content_type: str, cache_control: str = "") -> None:
        """Write a small object from memory. One that is there is replaced."""
        async with _bounded(f"write {key}", _transfer_s(len(data))):
            await obstore.put_async(
                self._store, key, data, attributes=_attributes(content_type, cache_control), use_multipart=False
            )

    async def copy(self, source: str, target: str) -> bool:
        """Copy an object inside storage, type and all; False when the source is not there."""
        try:
            async with _bounded(f"copy {source}", _TRANSFER_S):
                await obstore.copy_async(self._store, source, target)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Delete an object; deleting what is not there is fine."""
        try:
            async with _bounded(f"delete {key}", _CALL_S):
                await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return

    async def list_uploads(self, prefix: str) -> list[OpenUpload]:
        """List the unfinished uploads in parts whose key begins with `prefix`, up to 1,000."""
        return await self._multipart.list_open(prefix)

    async def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """List the parts that arrived, by number. Raises NotFound when there is no such upload."""
        return await self._multipart.list_parts(key, upload_id)

    async def complete_multipart(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the parts, `(number, etag)` each. Raises Conflict (taken, or not those parts) or NotFound."""
        await self._multipart.complete(key, upload_id, parts)

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop an upload and its parts; one that is gone already is fine."""
        await self._multipart.abort(key, upload_id)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object in a folder; answers how many. May be repeated after a failure."""
        listed = await self.list_objects(prefix)
        for start in range(0, len(listed), _AT_ONCE):
            await asyncio.gather(*(self.delete(found.key) for found in listed[start : start + _AT_ONCE]))
        return len(listed)

    async def list_objects(self, prefix: str) -> list[ListedObject]:
        """List every object in a folder (`media/ID` or `media/ID/`), by key."""
        listed: list[ListedObject] = []
        async with _bounded(f"list {prefix}", _TRANSFER_S):
            async for page in obstore.list(self._store, prefix.rstrip("/")):
                listed += [ListedObject(found["path"], found["size"], found["last_modified"]) for found in page]
        return sorted(listed, key=lambda found: found.key)


def _meant(etag: str) -> GetOptions:
    return {"if_match": f'"{etag}"'}


def _check_meant(found: GetResult, etag: str) -> None:
    # Not every storage looks at the condition.
    if _etag_of(found) != etag:
        raise ObjectReplaced("This file has just been replaced by another one.")


def _etag_of(found: GetResult) -> str:
    return (found.meta["e_tag"] or "").strip('"')


@asynccontextmanager
async def _bounded(doing: str, limit_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except FileNotFoundError:
        raise
    except TimeoutError as error:
        raise Away(f"Storage took longer than {limit_s:.0f} s to {doing}.") from error
    except PreconditionError as error:
        raise ObjectReplaced("This file has just been replaced by another one.") from error
    except (BaseError, OSError) as error:
        raise Away(f"Storage could not {doing}.") from error


def _transfer_s(size: int) -> float:
    return _TRANSFER_S + size / _SLOWEST_BYTES_S


def _attributes(content_type: str, cache_control: str) -> dict[str, str]:
    return {"Content-Type": content_type} | ({"Cache-Control": cache_control} if cache_control else {})
