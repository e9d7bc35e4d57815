"""A real Docker Engine and the real devcontainer CLI on the lab's internet. See world.py."""
