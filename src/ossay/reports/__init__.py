"""Tables, charts, HTML and data packs, made from records alone."""
