"""What the stage translate costs around a served model, and how busy it keeps the server.

    python benchmarks/served.py [--studies 22000] [--concurrency 256] [--checkpoint 1024] [--wait 0.5] [--token 0.01]

A stand-in server on loopback answers each request after `wait` seconds and `token` seconds for each token, as many at a
time as are asked; with both 0 what is left is hubkit's own work. It translates sentences of the demo's grammar, which
say nothing of any patient, and answers a share of the texts in English when they are first asked for, so that these are
asked again. "busy" is the mean number of requests in flight from the first to the last, as a share of `concurrency`.
The stage runs in a process of its own: wall time, processor time and peak memory are that process's, without imports.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHARACTERS_A_TOKEN = 4


def main() -> None:
    arguments = _arguments()
    spawned = multiprocessing.get_context("spawn")
    answers: Any = spawned.Queue()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _finish(spawned.Process(target=write_studies, args=(folder, arguments.studies)))
        delays = (arguments.wait, arguments.token, arguments.flagged)
        server = spawned.Process(target=serve, args=(folder, *delays, answers), daemon=True)
        server.start()
        table = {
            "engine": "openai",
            "model": "stand-in",
            "base_url": f"http://127.0.0.1:{answers.get()}/v1",
            "concurrency": arguments.concurrency,
            "checkpoint": arguments.checkpoint,
            "tasks": arguments.tasks,
            "workers": arguments.tasks,
            "max_flagged": 1.0,
        }
        _finish(spawned.Process(target=stage, args=(folder, table, answers)))
        measured = answers.get()
        server.terminate()
        server.join()
    flight = measured["flight"]
    print(f"{arguments.studies} studies, {measured['rows']} sections, {flight['requests']} requests")
    print("wall {wall:.1f} s, processor {cpu:.1f} s, peak {peak:.0f} MB".format(**measured))
    print(f"server: {flight['seconds']:.1f} s, busy {flight['mean'] / arguments.concurrency:.1%}")
    print("reads:", ", ".join(f"{count} of {name}" for name, count in sorted(measured["reads"].items())))
    print(f"SHA-256 of translations.parquet {measured['translations']}, of checks.parquet {measured['checks']}")


def write_studies(folder: Path, count: int) -> None:
    """Write studies whose reports have a median of 60 words; one impression in three is one of 20.

    The translation of each text goes beside them, for the stand-in.
    """
    import pyarrow as pa

    from hubkit.demo.grammar import sample_sentence
    from hubkit.tables import STUDIES
    from hubkit.workspace import Workspace, write_table

    rng = random.Random(7)
    portuguese: dict[str, str] = {}

    def text(words: float) -> str:
        pairs = [sample_sentence(rng)]
        while sum(len(english.split()) for english, _ in pairs) < words - 3:
            pairs.append(sample_sentence(rng))
        english, translated = (" ".join(side) for side in zip(*pairs, strict=True))
        portuguese[english] = translated
        return english

    common = [text(8) for _ in range(20)]
    rows = []
    for number in range(count):
        words = min(max(rng.lognormvariate(0, 0.5) * 60, 10), 250)
        impression = rng.choice(common) if rng.random() < 1 / 3 else text(words / 5)
        sections = {"indication": text(6), "findings": text(words * 4 / 5), "impression": impression}
        ids = {"subject_id": 10000000 + number, "study_id": 50000000 + number, "split": "train"}
        rows.append({**ids, **sections, "report": " ".join(sections.values()), "images": [], "labels": {}})
    write_table(Workspace(folder).studies, pa.Table.from_pylist(rows, schema=STUDIES))
    (folder / "portuguese.json").write_text(json.dumps(portuguese))


def serve(folder: Path, wait: float, token: float, flagged: float, answers: Any) -> None:
    """Answer chat completions until the process is ended; GET tells what was in flight."""
    portuguese = json.loads((folder / "portuguese.json").read_text())
    asyncio.run(StandIn(portuguese, wait, token, flagged).serve(answers))


class StandIn:
    """A server of the OpenAI protocol that knows every answer.

    Args:
        portuguese: the translation of each text.
        wait: seconds until the first token.
        token: seconds for each token.
        flagged: the share of texts that are answered in English when they are asked for by themselves.
    """

    def __init__(self, portuguese: Mapping[str, str], wait: float, token: float, flagged: float):
        self.portuguese, self.wait, self.token, self.flagged = portuguese, wait, token, flagged
        self.requests = self.active = 0
        self.area, self.first, self.last = 0.0, 0.0, 0.0

    async def serve(self, answers: Any) -> None:
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0, backlog=4096)
        answers.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after another."""
        while head := await _head(reader):
            length = next((int(line[15:]) for line in head if line.lower().startswith(b"content-length:")), 0)
            content = await reader.readexactly(length)
            value = await self.answer(json.loads(content)) if head[0].startswith(b"POST") else self.flight()
            body = json.dumps(value).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()
        writer.close()

    async def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = body["messages"][-1]["content"]
        text = asked.rpartition("\n\n")[2]
        words = self.portuguese.get(text, text)
        if asked == text and int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) < self.flagged * 2**32:
            words = text
        tokens = len(words) // CHARACTERS_A_TOKEN
        self._count(1)
        self.requests += 1
        await asyncio.sleep(self.wait + self.token * tokens)
        self._count(-1)
        choice = {"message": {"content": words}, "finish_reason": "stop"}
        return {"choices": [choice], "usage": {"completion_tokens": tokens}}

    def flight(self) -> dict[str, float]:
        seconds = self.last - self.first
        return {"requests": self.requests, "seconds": seconds, "mean": self.area / max(seconds, 1e-9)}

    def _count(self, change: int) -> None:
        now = time.monotonic()
        self.first = self.first or now
        self.area += self.active * (now - (self.last or now))
        self.active, self.last = self.active + change, now


async def _head(reader: asyncio.StreamReader) -> list[bytes]:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return []


def stage(folder: Path, table: dict[str, Any], answers: Any) -> None:
    """Run the stage in this process and put what it took."""
    import pyarrow.parquet as pq

    from hubkit.config import parse_config
    from hubkit.digests import file_digest
    from hubkit.translation.engines.openai import Client
    from hubkit.translation.translate import translate
    from hubkit.workspace import Workspace

    reads: Counter[str] = Counter()
    read_table = pq.read_table

    def counted(path: Path, *arguments: Any, **options: Any) -> Any:
        reads["parts" if path.name.startswith("part-") else path.name] += 1
        return read_table(path, *arguments, **options)

    pq.read_table = counted
    workspace = Workspace(folder, folder / "partial")
    config = parse_config({"corpus": {"kind": "demo"}, "translation": table})
    started, before = time.perf_counter(), time.process_time()
    translate(config, workspace)
    wall, cpu = time.perf_counter() - started, time.process_time() - before
    pq.read_table = read_table
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    answers.put(
        {
            "wall": wall,
            "cpu": cpu + workers.ru_utime + workers.ru_stime,
            "peak": max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, workers.ru_maxrss) / 1024,
            "rows": pq.read_metadata(workspace.machine_translations).num_rows,
            "reads": dict(reads),
            "flight": Client(table["base_url"]).request("GET", "/flight").value,
            "translations": file_digest(workspace.machine_translations)[:16],
            "checks": file_digest(workspace.machine_checks)[:16],
        }
    )


def _finish(process: Any) -> None:
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{process.name} ended with exit code {process.exitcode}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=22000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--checkpoint", type=int, default=1024)
    parser.add_argument("--tasks", type=int, default=1, help="as many workers of the executor local")
    parser.add_argument("--wait", type=float, default=0.5, help="seconds to the first token")
    parser.add_argument("--token", type=float, default=0.01, help="seconds a token")
    parser.add_argument("--flagged", type=float, default=0.05, help="share of the texts that are asked again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
