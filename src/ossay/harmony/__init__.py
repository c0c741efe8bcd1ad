"""The gpt-oss chat format. So far its vocabulary: text to token ids and back."""
