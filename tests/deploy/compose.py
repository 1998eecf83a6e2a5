"""Runs deploy/docker/compose.yaml on a machine without a container engine: each service in namespaces of its own by
bubblewrap, with what the file gives it and nothing more. The server sees its binary and the libraries that it is linked
to, as in its image; Redis is that of this machine. What is not tried is the image itself and the published ports.

Wants to be alone in a network namespace, for the ports are those of the file: `bwrap --unshare-net --dev-bind / /`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

DOCKER = Path(__file__).parents[2] / "deploy" / "docker"
BINARY = Path(os.environ["FULLON_CACHE_API_BINARY"]).resolve()
PROGRAM = "/usr/bin/fullon-cache-api"
IMAGE = (DOCKER / "Dockerfile").read_text()
# The user `redis` of the official image.
REDIS_UID = "999"


def from_image(pattern: str) -> str:
    found = re.search(pattern, IMAGE, re.MULTILINE)
    assert found, pattern
    return found.group(1)


class Service:
    def __init__(self, name: str, file: dict, folder: Path) -> None:
        self.said = file["services"][name]
        self.name, self.file, self.folder = name, file, folder
        assert self.said["read_only"] and self.said["cap_drop"] == ["ALL"]
        assert self.said["security_opt"] == ["no-new-privileges:true"]

    def sandbox(self) -> list[str]:
        """All but the command."""
        words = ["bwrap", "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        # It gives no new privileges to anyone either.
        words += ["--cap-drop", "ALL", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
        words += self.of_image()
        for mount in self.said.get("tmpfs", []):
            words += ["--tmpfs", mount.split(":")[0]]
        for secret in self.said.get("secrets", []):
            words += self.bind(self.file["secrets"][secret]["file"], f"/run/secrets/{secret}")
        for config in self.said.get("configs", []):
            words += self.bind(self.file["configs"][config["source"]]["file"], config["target"])
        for volume in self.said.get("volumes", []):
            assert volume["type"] == "bind" and volume["read_only"]
            words += self.bind(volume["source"], volume["target"])
        hosts = self.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost " + " ".join(self.file["services"]) + "\n")
        return [*words, "--ro-bind", str(hosts), "/etc/hosts", "--remount-ro", "/"]

    def of_image(self) -> list[str]:
        if self.name == "redis":
            words = ["--uid", REDIS_UID, "--gid", REDIS_UID, "--setenv", "PATH", "/usr/bin:/bin", "--dir", "/etc"]
            for folder in ["usr", "bin", "lib", "lib64"]:
                words += ["--ro-bind", f"/{folder}", f"/{folder}"]
            return words
        uid, gid = from_image(r"^USER (.*)$").split(":")
        words = ["--uid", uid, "--gid", gid, "--ro-bind", str(BINARY), PROGRAM]
        linked = subprocess.run(["ldd", BINARY], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", linked):
            words += ["--ro-bind", library, library]
        name, value = from_image(r"^ENV (.*)$").split("=")
        folder = from_image(r"^WORKDIR (/etc/.*)$")
        return [*words, "--setenv", name, value, "--dir", folder, "--chdir", folder]

    def bind(self, source: str, target: str) -> list[str]:
        return ["--ro-bind", str(self.folder / source), target]

    def start(self, *command: str) -> subprocess.Popen[str]:
        log = (self.folder / f"{self.name}.log").open("w")
        return subprocess.Popen([*self.sandbox(), *command], stdout=log, stderr=subprocess.STDOUT, text=True)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command in a container of its own, as `docker compose run` and health checks have it."""
        words = self.sandbox()
        for name, value in more.items():
            words += ["--setenv", name, value]
        return subprocess.run([*words, *command], capture_output=True, text=True, timeout=20)

    def wait_until_healthy(self, process: subprocess.Popen[str]) -> None:
        kind, *test = self.said["healthcheck"]["test"]
        command = ["/bin/sh", "-c", *test] if kind == "CMD-SHELL" else test
        for _ in range(100):
            tested = self.run(*command)
            if tested.returncode == 0:
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"{self.name} is not healthy: {tested}\n{self.log()}")

    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()


def stop(process: subprocess.Popen[str]) -> int:
    """As an engine stops a container. The sandbox's own process passes no signal on."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    # The first process of the namespace, and in it the program.
    (program,) = Path(f"/proc/{children[0]}/task/{children[0]}/children").read_text().split()
    os.kill(int(program), signal.SIGTERM)
    return process.wait(timeout=20)


def main(folder: Path) -> None:
    shutil.copytree(DOCKER, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "secrets", ignore_errors=True)
    subprocess.run([folder / "make-secrets.sh"], check=True)
    file = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    redis, server = (Service(name, file, folder) for name in ["redis", "server"])

    running = redis.start(*redis.said["command"])
    redis.wait_until_healthy(running)
    assert server.said["depends_on"] == {"redis": {"condition": "service_healthy"}}

    refused = server.run(PROGRAM, "serve")
    assert refused.returncode == 1 and "there is no login" in refused.stderr, refused
    made = server.run(PROGRAM, "token", "new", "desk", "--scope", "market", "--expires", "90d")
    assert made.returncode == 0, made
    with (folder / "config" / "fullon-cache-api.toml").open("a") as config:
        config.write(made.stderr[made.stderr.index("[[auth.tokens]]") :])
    checked = server.run(PROGRAM, "check")
    assert checked.returncode == 0 and "the user may only read" in checked.stdout, checked.stdout + checked.stderr

    serving = server.start(PROGRAM, "serve")
    server.wait_until_healthy(serving)
    token = {"FULLON_CACHE_API_TOKEN": made.stdout.strip()}
    read = server.run(PROGRAM, "call", "get_exchanges", **token)
    assert (read.returncode, read.stdout) == (0, "[]\n"), read
    assert server.run(PROGRAM, "call", "get_exchanges").returncode == 4
    assert server.run(PROGRAM, "call", "get_bots", **token).returncode == 4
    code = stop(serving)
    assert code == 0 and "stopped" in server.log(), server.log()
    assert stop(running) == 0, redis.log()
    print("compose: Redis and server run as the file says, read-only and without root")


with tempfile.TemporaryDirectory() as scratch:
    # Other users are to read what is mounted, as on a real host.
    os.chmod(scratch, 0o755)
    main(Path(scratch))
