"""Everything that satisfies `core.Model`: endpoints, GGUF files in process, scripts."""
