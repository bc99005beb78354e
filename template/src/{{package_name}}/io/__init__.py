"""Side effects: files, confs, the tracking server, alerts."""
