"""A template of devcontainer-template, put into a project as `devcontainer templates apply` does it."""

import json
import re
import shutil

METADATA = "devcontainer-template.json"
NOT_FOR_THE_PROJECT = (METADATA, "README.md", "NOTES.md")
OPTION = re.compile(r"\$\{templateOption:\s*(\w+)\s*\}")


def apply(template, folder, options):
    """template: a folder of the stage. An option that it does not have is a mistake of the caller."""
    known = json.loads((template / METADATA).read_text())["options"]
    assert not options.keys() - known.keys(), f"{template.name} has no such option: {options}"
    chosen = {name: options.get(name, option["default"]) for name, option in known.items()}
    for source in (path for path in template.rglob("*") if path.is_file()):
        target = folder / source.relative_to(template)
        if source.parent == template and source.name in NOT_FOR_THE_PROJECT:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        target.write_text(OPTION.sub(lambda found: str(chosen[found[1]]), source.read_text()))


def use_local_feature(folder, published):
    """The Feature from beside the devcontainer.json, instead of from where it is published."""
    path = folder / ".devcontainer/devcontainer.json"
    path.write_text(path.read_text().replace(f'"{published}"', '"./egressd"'))
