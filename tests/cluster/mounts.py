"""What a kubelet mounts into a container, as folders of this machine."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Kubectl

Json = dict[str, Any]
# Paths that stand in files as well as in arguments.
_IN_FILES = ("/etc/semantic-router", "/var/lib/semantic-router", "/work")


@dataclass(frozen=True)
class Mounts:
    """The volumes of one pod, below `folder`; containers that mount the same one see the same files."""

    kubectl: Kubectl
    pod: Json
    folder: Path

    def places(self, container: Json) -> dict[str, str]:
        """Where each path of the container's mounts is."""
        found = {mount["mountPath"]: str(self._volume(mount["name"])) for mount in container["volumeMounts"]}
        for place in found.values():
            _lead(Path(place), found)
        return found

    def _volume(self, name: str) -> Path:
        folder = self.folder / name
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        volume = next(each for each in self.pod["spec"]["volumes"] if each["name"] == name)
        for source in volume.get("projected", {}).get("sources", [volume]):
            for path, content in self._files(source).items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        return folder

    def _files(self, source: Json) -> dict[str, bytes]:
        if "configMap" in source:
            described = source["configMap"]
            data = (self.kubectl.get(f"configmap/{described['name']}") or {})["data"]
            return {item["path"]: data[item["key"]].encode() for item in described["items"]}
        if "secret" in source:
            described = source["secret"]
            secret = (self.kubectl.get(f"secret/{described.get('secretName') or described['name']}") or {})["data"]
            return {item["path"]: base64.b64decode(secret[item["key"]]) for item in described["items"]}
        return {}


def moved(argument: str, places: dict[str, str]) -> str:
    """The argument with the path where its beginning is here."""
    for place in sorted(places, key=len, reverse=True):
        if argument.startswith(place):
            return places[place] + argument[len(place) :]
    return argument


def _lead(folder: Path, places: dict[str, str]) -> None:
    """Let the paths in a volume's configurations lead to the folders here."""
    for file in folder.rglob("*.yaml"):
        text = file.read_text()
        if file.name == "backup.yaml" and "work_dir:" not in text:
            text += "work_dir: /work\n"
        for place, real in places.items():
            # Once: the folder here may have the place's name in it.
            if place.startswith(_IN_FILES) and real not in text:
                text = text.replace(place, real)
        file.write_text(text)
