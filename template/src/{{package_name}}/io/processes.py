"""Processes: the name by which one signs what it leaves, and whether it runs still."""

import os
import socket

MAX_PID = 2**31 - 1


def name() -> str:
    """Name this process, on this machine and among others: ``HOST-PID``."""
    return f"{socket.gethostname()}-{os.getpid()}"


def is_gone(owner: str) -> bool:
    """Say whether a process ran on this machine and does no longer.

    Args:
        owner: what its ``name`` was.
    """
    host, _, pid = owner.rpartition("-")
    if host != socket.gethostname() or not pid.isdigit() or int(pid) > MAX_PID:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's, so alive
        return False
    return False
