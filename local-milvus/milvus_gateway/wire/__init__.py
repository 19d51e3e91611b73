"""Milvus' own words: credentials, request types, envelope, codes, names."""
