"""A headless Chromium, driven through the pipe of its DevTools; nothing but the browser itself is needed."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
START = 'exec 3<&0 4>&1 >/dev/null; exec "$@"'  # commands come on 3, answers go to 4


class Tab:
    """One page. Everything that it writes to its console, and every exception, is in `complaints`."""

    def __init__(self, process):
        self.process, self.number, self.complaints, self.waiting, self.session = process, 0, [], b"", None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Run a command and return its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self):
        while b"\0" not in self.waiting:
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            assert piece, "the browser has gone"
            self.waiting += piece
        line, self.waiting = self.waiting.split(b"\0", 1)
        message = json.loads(line)
        if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            self.complaints.append(message["params"])
        return message

    def run(self, script):
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, address):
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=address)
        self.run("new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', done))")

    def resize(self, width, height=800):
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def dark(self, dark):
        value = "dark" if dark else "light"
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self):
        """PNG, base64."""
        return self.send("Page.captureScreenshot")["data"]


@contextmanager
def browser(profile):
    """A tab of a browser whose settings lie in `profile`."""
    flags = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command = [
        "bash",
        "-c",
        START,
        "bash",
        CHROMIUM,
        *flags,
        "--no-first-run",
        "--disable-dev-shm-usage",
        "about:blank",
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield Tab(process)
    finally:
        process.terminate()
        process.wait(30)
