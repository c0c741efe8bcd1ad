"""The OpenAI wire over any core.Model: chat completions, responses, completions, SSE, keys."""
