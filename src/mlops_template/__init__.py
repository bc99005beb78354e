"""The tool beside the template: it makes a project one for a table of data."""
