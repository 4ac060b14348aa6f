"""SeaweedFS: the S3 API over one private bucket, telling the API of every new object."""

from __future__ import annotations

import asyncio
import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ments.stack.account import own_folder
from ments.stack.home import write_whole
from ments.stack.model import Command, NotReady
from ments.stack.recipes.postgres import tool_env

PORTS = (
    "storage",
    "storage-grpc",
    "storage-master",
    "storage-master-grpc",
    "storage-volume",
    "storage-volume-grpc",
    "storage-filer",
    "storage-filer-grpc",
)
_PROBE_KEY = "system/ready"
_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Storage:
    """ports  one for each name of PORTS"""

    program: Path
    data: Path
    run: Path
    ports: dict[str, int]
    bucket: str
    region: str
    access_key: str
    secret_key: str
    notification_toml: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['storage']}"

    @property
    def sockets(self) -> tuple[Path, ...]:
        """What it opens beside its ports, in /tmp, and leaves there when it is killed."""
        names = ("filer", "filer-grpc", "master-grpc", "s3", "s3-grpc", "volume-grpc")
        ports = (self.ports["storage" if name == "s3" else f"storage-{name}".replace("-s3", "")] for name in names)
        return tuple(Path(f"/tmp/seaweedfs-{name}-{port}.sock") for name, port in zip(names, ports, strict=True))  # noqa: S108 (its choice)

    def command(self) -> Command:
        ports = self.ports
        argv = (
            str(self.program),
            "-logtostderr=true",
            "-v=0",
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-dir={self.data}",
            f"-master.port={ports['storage-master']}",
            f"-master.port.grpc={ports['storage-master-grpc']}",
            "-master.peers=none",  # its raft would wait 20 s at each start for peers that do not exist
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=256",
            f"-volume.port={ports['storage-volume']}",
            f"-volume.port.grpc={ports['storage-volume-grpc']}",
            "-volume.max=200",
            "-volume.preStopSeconds=0",  # nobody is left to tell when it stops
            "-filer=true",
            f"-filer.port={ports['storage-filer']}",
            f"-filer.port.grpc={ports['storage-filer-grpc']}",
            "-filer.disableHttp",  # its own API asks for no password
            "-s3=true",
            f"-s3.port={ports['storage']}",
            f"-s3.port.grpc={ports['storage-grpc']}",
            "-s3.ip.bind=127.0.0.1",
            f"-s3.config={self.run / 's3.json'}",
            "-s3.port.iceberg=0",  # two more servers that would open 8181 and 9101
            "-s3.port.lance=0",
        )
        # It reserves 230 MB that it hardly touches (35 MB resident); a limit below that has it collect garbage all day.
        env = {**tool_env(), "HOME": str(self.run), "GOMEMLIMIT": "512MiB"}
        return Command(argv, self.run, env)


def render_s3_json(storage: Storage) -> str:
    """Who may use the S3 API: one identity; everybody else is refused. Pure."""
    identity = {
        "name": "ments",
        "credentials": [{"accessKey": storage.access_key, "secretKey": storage.secret_key}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    return json.dumps({"identities": [identity]}, indent=1) + "\n"


async def prepare_storage(storage: Storage) -> None:
    """Write the configuration; `notification.toml` is looked for in the working folder."""
    own_folder(storage.run, None)
    own_folder(storage.data, None)
    write_whole(storage.run / "s3.json", render_s3_json(storage), mode=0o600)
    write_whole(storage.run / "notification.toml", storage.notification_toml, mode=0o600)


async def storage_works(storage: Storage) -> None:
    """Create the bucket if it is missing, then write an object and read it: an open port proves nothing."""
    await asyncio.to_thread(_write_and_read, storage)


def _write_and_read(storage: Storage) -> None:
    for method, path, body, fine in (
        ("PUT", f"/{storage.bucket}", b"", (200, 409)),
        ("PUT", f"/{storage.bucket}/{_PROBE_KEY}", b"ready", (200,)),
        ("GET", f"/{storage.bucket}/{_PROBE_KEY}", b"", (200,)),
    ):
        status, answer = _signed(storage, method, path, body)
        if status not in fine:
            raise NotReady(f"{method} {path} answers {status}: {answer[:300].decode(errors='replace')}")


def _signed(storage: Storage, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    # Only the signing code of botocore: a whole client is 30 MB that the supervisor would keep.
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, storage.url + path, data=body)
    S3SigV4Auth(Credentials(storage.access_key, storage.secret_key), "s3", storage.region).add_auth(request)
    address = urlsplit(storage.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_LIMIT_S)
    try:
        connection.request(method, path, body=body, headers=dict(request.headers))
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as cause:
        raise NotReady(f"{method} {path}: {cause!r}") from cause
    finally:
        connection.close()
