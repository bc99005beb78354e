"""Processes: the name by which one signs what it leaves, and whether it runs still."""

import os
import socket
from pathlib import Path

MAX_PID = 2**31 - 1


def machine() -> str:
    """Name this machine; containers may share its name, and do not see its processes."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}.{space}"


def name() -> str:
    """Name this process, on this machine and among others: ``MACHINE-PID``."""
    return f"{machine()}-{os.getpid()}"


def is_gone(owner: str) -> bool:
    """Say whether a process ran on this machine and does no longer.

    Args:
        owner: what its ``name`` was.
    """
    host, _, pid = owner.rpartition("-")
    if host != machine() or not pid.isdigit() or int(pid) > MAX_PID:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's, so alive
        return False
    return False
