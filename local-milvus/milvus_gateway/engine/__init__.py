"""Milvus Lite's engine in this process, and what Milvus remembers beside it."""
