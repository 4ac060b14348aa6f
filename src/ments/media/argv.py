"""The exact commands that the worker runs, each argument with its reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ments.media.model import AudioStream, Rendition, VideoStream
from ments.media.stills import still_argv, still_filters

CONTAINERS = "mov,matroska,mpegts,mpeg,avi,flv,asf,mp3,wav,flac,ogg,aac,gif"
"""Demuxers that a member's file may choose. None of them opens other files, as hls, concat or image2 do."""

LENGTH_MAX_S = "14400"
HDR_TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,"
    "format=yuv420p"
)
FRAMES_GATE = r"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,0.016)"
"""Lets at most 62 frames a second through and makes none up, as an `fps` filter would."""


NICE_FIRST, NICE_LATER = 5, 15
"""How far a run gives way to the API and the database; what makes media better gives way to what makes them play, too:
ten steps are ten times less of a core that both want."""


DEINTERLACE = "bwdif=mode=send_frame:deint=interlaced"
"""Makes whole pictures of fields, as many as there were; those that say that they are whole pass as they are."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take. Times in s, sizes in bytes; niceness as nice(1) takes it."""

    wall_s: int
    cpu_s: int
    memory: int
    file: int
    open_files: int = 256
    niceness: int = NICE_FIRST


@dataclass(frozen=True, slots=True)
class Jail:
    """A view of the file system for one run, by bubblewrap.

    bwrap      its path
    source     the one file that may be read, seen as /in
    folder     the one folder that may be written, seen as /out
    read_only  (outside, inside) paths of programs and libraries
    links      (target, link) of merged /usr systems: /lib -> usr/lib
    """

    bwrap: str
    source: str
    folder: str
    read_only: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]


def limits_argv(limits: Limits) -> list[str]:
    """Put in front of a command: the limits that hold with or without a jail."""
    return [
        "/usr/bin/setpriv",
        *("--pdeathsig", "KILL"),  # a worker killed with -9 leaves no encoder behind
        *("/usr/bin/nice", "-n", str(limits.niceness)),  # the API and the database come first
        "/usr/bin/prlimit",
        f"--as={limits.memory}",  # a hostile file asked for 22 GB
        f"--cpu={limits.cpu_s}:{limits.cpu_s + 5}",  # SIGXCPU, and SIGKILL for who ignores it
        f"--fsize={limits.file}",  # a disk that is full stops everybody
        f"--nofile={limits.open_files}",
        "--core=0",  # a core file is the member's file on our disk
    ]


def jail_argv(jail: Jail) -> list[str]:
    """Put between the limits and a command: no network, no other files, no other processes."""
    binds = [part for outside, inside in jail.read_only for part in ("--ro-bind", outside, inside)]
    links = [part for target, link in jail.links for part in ("--symlink", target, link)]
    return [
        jail.bwrap,
        *("--proc", "/proc"),  # of its own process namespace only
        *("--dev", "/dev"),  # null, zero, random; no devices
        *("--tmpfs", "/tmp"),  # noqa: S108 (a private one inside the jail); before the binds, which may lie under it
        *binds,
        *links,
        *("--ro-bind", jail.source, "/in"),
        *("--bind", jail.folder, "/out"),
        *("--chdir", "/out"),
        "--unshare-all",  # network, processes, users, ipc, hostname, cgroup
        "--die-with-parent",
        "--new-session",  # no terminal to push keys into
        *("--cap-drop", "ALL"),
        "--clearenv",  # the worker's environment holds secrets
        *("--setenv", "PATH", "/usr/bin"),
        *("--setenv", "LANG", "C.UTF-8"),
    ]


def _read_argv(ffmpeg: str, source: str) -> list[str]:
    return [
        ffmpeg,
        "-nostdin",  # it would read the worker's input as keys
        "-hide_banner",
        *("-v", "error"),
        "-y",  # the folder is new, but a second run in it must not ask
        *("-progress", "pipe:1", "-stats_period", "0.5"),
        *("-protocol_whitelist", "file"),  # a playlist that names a URL opens nothing
        *("-format_whitelist", CONTAINERS),  # an m3u8 named .mp4 is no container
        *("-max_streams", "128"),  # thousands of streams cost memory each
        *("-max_pixels", "36000000"),  # frames that lie about their size
        *("-threads", "2"),  # decoders keep frames a thread
        *("-t", LENGTH_MAX_S),  # a timestamp gap of a day ends here
        *("-i", f"file:{source}"),  # never another protocol, whatever the name
    ]


def _picture_filters(video: VideoStream, rendition: Rendition) -> list[str]:
    return [
        *([DEINTERLACE] if video.is_interlaced else []),
        *([FRAMES_GATE] if video.rate > 62 else []),
        f"scale={rendition.width}:{rendition.height}:flags=bicubic:out_range=tv",  # full range is dark or pale in some players
        *([HDR_TO_SDR] if video.is_hdr else []),  # after the scale: fewer pixels to map
        "setsar=1",  # the scale has squared them
    ]


def poster_argv(ffmpeg: str, source: str, folder: str, *, video: VideoStream, rendition: Rendition) -> list[str]:
    """`poster.jpg` and `poster.rgb`, as large as the rendition; reads no more of the source than the pictures to choose from."""
    # The most typical of the first frames; works for a clip of three.
    steps = [*_picture_filters(video, rendition), "thumbnail=50", still_filters(rendition)]
    return [
        *_read_argv(ffmpeg, source),
        *("-filter_complex_threads", "1"),
        *("-filter_complex", f"[0:{video.index}]{','.join(steps)}"),
        *still_argv(folder),
    ]


def audio_argv(ffmpeg: str, source: str, folder: str, *, audio: AudioStream, file: str) -> list[str]:
    """One M4A from one sound stream; cover art stays out."""
    return [
        *_read_argv(ffmpeg, source),
        *("-map", f"0:{audio.index}", "-vn"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"),
        *_NO_BAGGAGE,
        *("-movflags", "+faststart"),
        *("-f", "mp4", f"file:{folder}/{file}"),
    ]


_NO_BAGGAGE = (
    *("-map_metadata", "-1"),  # the place where it was filmed is nobody's business
    *("-map_chapters", "-1"),
    "-sn",  # subtitles and attachments would be written out as somebody else wrote them
    "-dn",
)


def child_argv(python: str, script: str, *words: str) -> list[str]:
    """A script of `inside/`, isolated from the environment and from the folder that it runs in."""
    return [python, "-I", "-B", script, *words]


def in_jail(limits: Limits, jail: Jail | None, command: Sequence[str]) -> list[str]:
    """The whole command line: limits, then the jail if there is one, then the command."""
    return [*limits_argv(limits), *(jail_argv(jail) if jail else []), *command]
