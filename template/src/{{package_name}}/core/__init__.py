"""Pure and deterministic: no disk, no network, no tracking server."""
