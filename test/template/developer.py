"""The developer in front of the container: whose files a project's are, and what was chosen."""

import os

from lab.lab import ALLOWED

USER, UID = "dev", 1000  # of the images
OPTIONS = {"image": "debian:12", "user": USER, "hosts": ALLOWED}


def hand_over(project, uid=UID):
    """The project belongs to the developer, who mostly has the uid of the image's user."""
    for folder, _, files in os.walk(project.folder):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.lchown(path, uid, uid)
