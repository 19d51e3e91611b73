"""Supervises a full Milvus 2.3.5 (standalone, REST v1) as one process among others."""
