"""Pages for people: rating answers. Server-rendered; what a model wrote never acts."""
