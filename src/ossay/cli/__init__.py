"""The `ossay` command: one file a command, imported when it is called; no logic here."""
