"""The gateway: routes over HTTP, on the server room's wire. It is handed its models and its log."""
