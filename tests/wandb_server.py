"""A stand-in for W&B's server on this machine: takes what it is sent and keeps each run's history and exit code."""

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ARTIFACT = {"id": "a", "state": "COMMITTED", "artifactSequence": {"latestArtifact": {"id": "a"}}}


class WandbServer(ThreadingHTTPServer):
    """Attributes: `runs`, by run id what it was opened with, its history lines by number, and its exit code."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs: dict[str, dict[str, Any]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def history(self, run_id: str) -> list[dict]:
        return [line for _, line in sorted(self.runs[run_id]["history"].items())]


@contextlib.contextmanager
def wandb_server() -> Iterator[WandbServer]:
    server = WandbServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    server: WandbServer

    def log_message(self, *args: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self._answer({})

    def do_PUT(self) -> None:
        self._body()
        self._answer({})

    def do_POST(self) -> None:
        sent = json.loads(self._body())
        if self.path.endswith("/file_stream"):
            self._stream(self.server.runs[self.path.split("/")[-2]], sent)
            self._answer({})
        else:
            self._answer({"data": self._query(sent["query"], sent.get("variables") or {})})

    def _stream(self, run: dict[str, Any], sent: dict[str, Any]) -> None:
        added = sent.get("files", {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
        run["history"] |= {added["offset"] + i: json.loads(line) for i, line in enumerate(added["content"])}
        if sent.get("complete"):
            run["exit_code"] = sent["exitcode"]

    def _query(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "upsertBucket" in query:
            name = variables["name"]
            run = self.server.runs.setdefault(name, {"history": {}, "exit_code": None, **variables})
            project = {"id": "p", "name": run["project"], "entity": {"id": "e", "name": "me"}}
            bucket = {"id": f"stored-{name}", "name": name, "displayName": run["displayName"], "project": project}
            return {"upsertBucket": {"bucket": bucket | {"config": "{}", "historyLineCount": 0}, "inserted": True}}
        if "createRunFiles" in query:
            files = [{"name": name, "uploadUrl": f"{self.server.address}/{name}"} for name in variables["files"]]
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}
        if "createArtifact(" in query:
            return {"createArtifact": {"artifact": ARTIFACT}}
        if "viewer" in query:
            return {"viewer": {"id": "u", "entity": "me", "flags": "{}", "teams": {"edges": []}, "username": "me"}}
        if "serverInfo" in query:
            return {"serverInfo": {"features": [], "cliVersionInfo": {"max_cli_version": "99"}}}
        if "__type" in query:
            return {name: {"fields": []} for name in ("QueryType", "MutationType", "ServerInfoType", "TypeInfo")}
        if "model(" in query:  # what is known of a run that may be resumed
            return {"model": {"bucket": None}}
        return {}

    def _body(self) -> bytes:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        return gzip.decompress(content) if self.headers.get("content-encoding") == "gzip" else content

    def _answer(self, values: dict[str, Any]) -> None:
        content = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
